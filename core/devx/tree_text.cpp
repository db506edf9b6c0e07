#include "devx/tree_text.hpp"

#include <cstdio>

#include "rpc/args.hpp"
#include "wire/cursor.hpp"

namespace tractor::core {

namespace {

std::string_view text_of(Bytes map, std::string_view key) {
  auto text = Args(map).text(key);
  return text ? *text : std::string_view("?");
}

int64_t number_of(Bytes map, std::string_view key) {
  auto value = Args(map).find(key);
  wire::Token token;
  int64_t n = 0;
  return value && wire::Cursor(*value).next(token) && token.to_int64(n) ? n : 0;
}

std::string age_of(Bytes map) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f s", static_cast<double>(number_of(map, "age")) / 1e9);
  return text;
}

bool is_map(Bytes value) {
  wire::Token head;
  return wire::Cursor(value).next(head) && head.kind == wire::Kind::map;
}

/// Calls `each` with the elements of an array; with nothing for what is none.
template <class F>
void each_of(Bytes map, std::string_view key, F&& each) {
  auto list = Args(map).find(key);
  if (!list) return;
  wire::Cursor in(*list);
  wire::Token head;
  if (!in.next(head) || head.kind != wire::Kind::array) return;
  Bytes element;
  for (uint32_t i = 0; i < head.count && in.value(element); ++i) each(element);
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void actor(Bytes actor, size_t depth) {
    line(depth, std::string(text_of(actor, "name")) + " (pid " + std::to_string(number_of(actor, "pid")) + ", " +
                    std::string(text_of(actor, "state")) + ", " + age_of(actor) + ")" + addresses(actor));
    Bytes below = Args(actor).find("children").value_or(Bytes());
    for (const char* scope : {"main", "tasks"}) {
      auto nursery = Args(actor).find(scope);
      if (nursery && is_map(*nursery)) contents(*nursery, below, depth + 1);
    }
  }

 private:
  static std::string addresses(Bytes actor) {
    std::string text;
    each_of(actor, "addresses", [&](Bytes address) {
      wire::Token token;
      if (wire::Cursor(address).next(token)) text += (text.empty() ? " at " : ", ") + std::string(token.bytes);
    });
    return text;
  }

  void contents(Bytes nursery, Bytes below, size_t depth) {
    each_of(nursery, "children", [&](Bytes child) { this->child(child, below, depth); });
    each_of(nursery, "nurseries", [&](Bytes nested) { this->nursery(nested, below, depth); });
  }

  void nursery(Bytes nursery, Bytes below, size_t depth) {
    std::string text = std::string(text_of(nursery, "what")) + " (" + std::string(text_of(nursery, "state")) + ", " +
                       age_of(nursery) + context(nursery) + ")";
    std::string_view waits = text_of(nursery, "waits_for");
    line(depth, waits == "nothing" ? text : text + ": " + std::string(waits));
    contents(nursery, below, depth + 1);
  }

  static std::string context(Bytes nursery) {
    auto ctx = Args(nursery).find("ctx");
    if (!ctx || !is_map(*ctx)) return {};
    auto peer = Args(*ctx).uid("peer");
    std::string text = text_of(*ctx, "side") == "caller" ? "; with " : "; for ";
    text += (peer ? std::string(peer->name) : "?") + ", " + std::string(text_of(*ctx, "state"));
    auto stream = Args(*ctx).find("stream");
    if (!stream || !is_map(*stream)) return text;
    return text + ", stream " + std::string(text_of(*stream, "state")) + ": " +
           std::to_string(number_of(*stream, "unread")) + " unread, " + std::to_string(number_of(*stream, "unsent")) +
           " unsent";
  }

  void child(Bytes child, Bytes below, size_t depth) {
    auto tree = is_map(below) ? Args(below).find(text_of(child, "uuid")) : std::nullopt;
    if (tree && is_map(*tree)) return actor(*tree, depth);
    std::string text = std::string(text_of(child, "name")) + " (pid " + std::to_string(number_of(child, "pid")) + ", " +
                       std::string(text_of(child, "phase")) + ", " + age_of(child) + ")";
    wire::Token why;
    if (tree && wire::Cursor(*tree).next(why)) text += ": " + std::string(why.bytes);
    line(depth, text);
  }

  void line(size_t depth, const std::string& text) { out_.append(2 * depth, ' ').append(text).append("\n"); }

  std::string& out_;
};

}  // namespace

std::string tree_text(Bytes tree) {
  std::string out;
  if (wire::check_one_value(tree, wire::kMaxFrameDepth) || !is_map(tree)) return "this is no tree of actors\n";
  Writer(out).actor(tree, 0);
  return out;
}

}  // namespace tractor::core
