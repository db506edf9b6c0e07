// An error as an indented tree for people.
#include <cstdio>

#include "fault/error.hpp"
#include "fault/types.hpp"

namespace tractor::core {
namespace {

class Tree {
 public:
  void add(const Error& e, size_t depth, const char* mark) {
    if (depth > kDeepest) {
      line(depth, "...");
      return;
    }
    line(depth, mark + head(e));
    const Error::Fields& f = e.fields();
    size_t inside = depth + 1;
    if (!f.source.empty() || !f.relay_path.empty()) line(inside, "raised in " + route(f));
    if (!f.sender.empty()) line(inside, "sender: " + who(f.sender));
    if (!f.canceller.empty()) line(inside, "cancelled by " + who(f.canceller));
    if (!f.traceback.empty()) block(inside, f.traceback);
    for (const ErrorRef& member : f.members) add(*member, inside, "- ");
    if (f.cause) add(*f.cause, inside, "because of ");
  }
  std::string take() { return std::move(text_); }

 private:
  static constexpr size_t kDeepest = 32;

  static std::string head(const Error& e) {
    const Error::Fields& f = e.fields();
    std::string s = e.name();
    bool telling = f.type != type_of(static_cast<int>(f.code)) && f.type != kUnknownType;
    if (telling && !f.message.starts_with(f.type + ":")) s += " " + f.type;
    return s + ": " + f.message;
  }
  static std::string who(const ActorId& id) {
    std::string s = id.name + "[" + id.uuid.substr(0, 6);
    if (id.pid) s += ", pid " + std::to_string(id.pid);
    return s + "]";
  }
  static std::string route(const Error::Fields& f) {
    // A relay that lost the source puts itself there; the path always begins at the origin.
    std::string s = who(f.relay_path.empty() ? f.source : f.relay_path.front());
    for (size_t i = 1; i < f.relay_path.size(); ++i) s += (i == 1 ? ", relayed by " : ", ") + who(f.relay_path[i]);
    return s;
  }
  void block(size_t depth, std::string_view text) {
    while (!text.empty()) {
      size_t end = text.find('\n');
      line(depth, text.substr(0, end));
      if (end == text.npos) break;
      text.remove_prefix(end + 1);
    }
  }
  /// A peer's text must not reach a terminal with its control characters.
  void line(size_t depth, std::string_view text) {
    text_.append(depth * 4, ' ');
    for (char c : text) {
      auto u = static_cast<unsigned char>(c);
      if ((u < 0x20 && c != '\t') || u == 0x7f) {
        char spelled[8];
        std::snprintf(spelled, sizeof spelled, "\\x%02x", u);
        text_ += spelled;
      } else {
        text_ += c;
      }
    }
    text_ += '\n';
  }

  std::string text_;
};

}  // namespace

std::string Error::format() const {
  Tree tree;
  tree.add(*this, 0, "");
  return tree.take();
}

}  // namespace tractor::core
