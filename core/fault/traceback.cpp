// The text that stands for a traceback on the wire. Python peers show it as it is, and it is all they see of the
// members of a group and of causes.
#include "fault/box.hpp"
#include "fault/types.hpp"

namespace tractor::core {
namespace {

constexpr std::string_view kHeader = "Traceback (most recent call last):\n";

/// "Type: message", the last line of every traceback.
std::string last_line(const Error& e) {
  const std::string& type = e.fields().type;
  std::string name = type == kUnknownType ? "RemoteActorError" : type;
  if (e.message().starts_with(name + ": ")) return e.message() + "\n";
  return name + ": " + e.message() + "\n";
}

void append_indented(std::string& out, std::string_view text, std::string_view margin) {
  while (!text.empty()) {
    size_t end = text.find('\n');
    out.append(margin).append(text.substr(0, end)).append("\n");
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
  }
}

std::string plain_text(const Error& e, const ActorId& self) {
  const Error::Fields& f = e.fields();
  std::string end = last_line(e);
  if (!f.traceback.empty()) {
    std::string text = f.traceback;
    if (text.back() != '\n') text += '\n';
    // A relayed traceback is the origin's own, whatever its last line is.
    if (f.remote || text.ends_with(end)) return text;
    if (!text.starts_with(kHeader)) {
      std::string framed(kHeader);
      append_indented(framed, text, "  ");
      text = std::move(framed);
    }
    return text + end;
  }
  const ActorId& place = f.source.empty() ? self : f.source;
  std::string text(kHeader);
  text += "  Actor \"" + place.name + "\"";
  if (place.pid) text += ", pid " + std::to_string(place.pid);
  return text + ", " + e.name() + "\n" + end;
}

std::string text_of(const Error& e, const ActorId& self, int depth) {
  const Error::Fields& f = e.fields();
  std::string text;
  if (depth > 16) return last_line(e);
  if (f.cause) {
    text = text_of(*f.cause, self, depth + 1);
    text += "\nThe above exception was the direct cause of the following exception:\n\n";
  }
  if (f.members.empty()) return text + plain_text(e, self);

  std::string group = plain_text(e, self);
  group.pop_back();
  group += " (" + std::to_string(f.members.size()) + " sub-exceptions)\n";
  append_indented(text, group, depth == 0 ? "  | " : "| ");
  for (size_t i = 0; i < f.members.size(); ++i) {
    text +=
        (i == 0 ? "  +-+---------------- " : "    +---------------- ") + std::to_string(i + 1) + " ----------------\n";
    append_indented(text, text_of(*f.members[i], self, depth + 1), "    | ");
  }
  return text + "    +------------------------------------\n";
}

}  // namespace

std::string traceback_text(const Error& error, const ActorId& self) { return text_of(error, self, 0); }

}  // namespace tractor::core
