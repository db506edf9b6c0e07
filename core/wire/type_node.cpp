#include "wire/type_node.hpp"

#include <algorithm>

namespace tractor::core::wire {
namespace {

void write_quoted(std::string& out, std::string_view text) {
  out += '\'';
  for (char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  out += '\'';
}

}  // namespace

const TypeNode* TypeNode::field(std::string_view key, size_t& hint) const {
  // Most senders keep the order of the type.
  if (hint < parts.size() && parts[hint].name == key) return &parts[hint++];
  auto less = [&](uint32_t i, std::string_view k) { return parts[i].name < k; };
  auto it = std::lower_bound(by_name.begin(), by_name.end(), key, less);
  if (it == by_name.end() || parts[*it].name != key) return nullptr;
  hint = *it + 1;
  return &parts[*it];
}

void TypeNode::write(std::string& out) const {
  auto list_parts = [&](const char* between) {
    for (size_t i = 0; i < parts.size(); ++i) {
      if (i > 0) out += between;
      parts[i].write(out);
    }
  };
  auto generic = [&](const char* word) {
    out += word;
    if (parts.empty()) return;
    out += '[';
    list_parts(", ");
    out += ']';
  };
  switch (op) {
    case Op::any: out += "any"; break;
    case Op::nil: out += "None"; break;
    case Op::boolean: out += "bool"; break;
    case Op::integer: out += "int"; break;
    case Op::real: out += "float"; break;
    case Op::str: out += "str"; break;
    case Op::bytes: out += "bytes"; break;
    case Op::list: generic("list"); break;
    case Op::tuple: generic("tuple"); break;
    case Op::dict: generic("dict"); break;
    case Op::record:
      out += '{';
      for (size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) out += ", ";
        if (is_type_name(parts[i].name)) {
          out += parts[i].name;
        } else {
          write_quoted(out, parts[i].name);
        }
        out += parts[i].optional ? "?: " : ": ";
        parts[i].write(out);
      }
      out += '}';
      break;
    case Op::this_text: write_quoted(out, text); break;
    case Op::this_int: out += negative ? std::to_string(static_cast<int64_t>(number)) : std::to_string(number); break;
    case Op::ext: out += "ext"; break;
    case Op::ext_number: out += "ext[" + std::to_string(static_cast<int64_t>(number)) + "]"; break;
    case Op::ext_type: out += type->name; break;
    case Op::either: list_parts(" | "); break;
  }
}

}  // namespace tractor::core::wire
