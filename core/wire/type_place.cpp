#include "wire/type_place.hpp"

#include "wire/cursor.hpp"
#include "wire/json.hpp"
#include "wire/type_scanner.hpp"
#include "wire/utf8.hpp"

namespace tractor::core::wire {
namespace {

constexpr size_t kMaxFound = 60;

std::string cut(std::string text) {
  if (text.size() <= kMaxFound) return text;
  size_t n = kMaxFound;
  while (n > 0 && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80) --n;
  return text.substr(0, n) + "…";
}

std::string rendered(Bytes value) {
  Token token;
  Cursor(value).next(token);
  return token.kind == Kind::str ? "'" + shown(token.bytes) + "'" : cut(to_json(value, 2 * kMaxFound));
}

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::nil: return "None";
    case Kind::boolean: return "bool";
    case Kind::integer:
    case Kind::negative: return "int";
    case Kind::real: return "float";
    case Kind::str: return "str";
    case Kind::bin: return "bytes";
    case Kind::ext: return "ext";
    case Kind::array: return "list";
    case Kind::map: return "dict";
  }
  return "";
}

}  // namespace

std::string found_text(Bytes value) {
  Token token;
  Cursor in(value);
  if (!in.next(token)) return std::string("a value that ") + in.fault_text();
  if (token.kind == Kind::nil) return "None";
  std::string name = name_of(token.kind);
  if (token.kind == Kind::ext) name += "[" + std::to_string(token.ext_type) + "]";
  if (token.kind == Kind::str && !valid_utf8(token.bytes)) name += " that is not UTF-8";
  return rendered(value) + " (" + name + ")";
}

std::string path_of(const Place& at) {
  if (!at.up) return "$";
  std::string before = path_of(*at.up);
  std::string_view name = at.key;
  Token key;
  switch (at.step) {
    case Place::Step::root: break;
    case Place::Step::key_of: return "key of " + before;
    case Place::Step::element: return before + "[" + std::to_string(at.index) + "]";
    case Place::Step::value_of:
      Cursor(at.key).next(key);
      if (key.kind != Kind::str) return before + "[" + rendered(at.key) + "]";
      name = key.bytes;
      break;
    case Place::Step::field: break;
  }
  return is_type_name(name) ? before + "." + shown(name) : before + "['" + shown(name) + "']";
}

}  // namespace tractor::core::wire
