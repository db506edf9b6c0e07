#include "wire/fields.hpp"

#include "wire/utf8.hpp"

namespace tractor::core::wire {

std::string Path::text() const {
  std::string s = up ? up->text() : std::string();
  if (name.empty()) return s + "[" + std::to_string(index) + "]";
  if (up) s += '.';
  return s += shown(name);
}

bool wrong_field(DecodeError& error, const Path& at, std::string_view expected, const Token& found) {
  error.kind = DecodeError::bad_field;
  error.message = at.text().append(": expected ").append(expected).append(", found ").append(found.describe());
  return false;
}

bool malformed(DecodeError& error, const Path& at, std::string_view what) {
  error.kind = DecodeError::malformed;
  error.message = at.text().append(": ").append(what);
  return false;
}

bool read_text(Cursor& in, const Path& at, std::string_view& out, DecodeError& error) {
  Token token;
  in.next(token);
  if (token.kind != Kind::str) return wrong_field(error, at, "str", token);
  if (!valid_utf8(token.bytes)) return malformed(error, at, "invalid UTF-8");
  out = token.bytes;
  return true;
}

bool read_uid(Cursor& in, const Path& at, Uid& out, DecodeError& error) {
  Token head;
  in.next(head);
  if (head.kind != Kind::array || head.count != 2) return wrong_field(error, at, "array of 2 str", head);
  return read_text(in, Path{&at, {}, 0}, out.name, error) && read_text(in, Path{&at, {}, 1}, out.uuid, error);
}

bool read_addr(Cursor& in, const Path& at, WireAddr& out, DecodeError& error) {
  Token head;
  in.next(head);
  if (head.kind != Kind::array || head.count != 2) return wrong_field(error, at, "array of 2", head);
  if (!read_text(in, Path{&at, {}, 0}, out.first, error)) return false;
  Path second{&at, {}, 1};
  Cursor again = in;
  Token token;
  in.next(token);
  if (token.kind == Kind::integer) {
    out.second = token.integer;
    return true;
  }
  std::string_view file;
  if (token.kind != Kind::str) return wrong_field(error, second, "port number or file name", token);
  if (!read_text(again, second, file, error)) return false;
  out.second = file;
  return true;
}

bool check_text_map(Bytes value, const Path& at, DecodeError& error) {
  Cursor in(value);
  Token head;
  in.next(head);
  if (head.kind != Kind::map) return wrong_field(error, at, "map", head);
  for (uint32_t i = 0; i < head.count; ++i) {
    Token key;
    in.next(key);
    if (key.kind != Kind::str) return wrong_field(error, at, "str as key", key);
    if (!valid_utf8(key.bytes)) return malformed(error, at, "invalid UTF-8 in a key");
    in.skip();
  }
  return true;
}

bool Fields::collect(Bytes map) {
  Cursor in(map);
  Token head;
  in.next(head);
  if (head.kind != Kind::map) return wrong_field(error_, at_, "map", head);
  bool good = true;
  for (uint32_t i = 0; i < head.count; ++i) {
    Cursor before_key = in;
    Token key;
    in.next(key);
    if (key.kind != Kind::str) {
      // Goes on, so that the error can name the dialog.
      if (good) good = wrong_field(error_, at_, "str as key", key);
      in = before_key;
      in.skip();
      in.skip();
      continue;
    }
    Bytes value;
    in.value(value);
    for (size_t field = 0; field < names_.size(); ++field) {
      if (names_[field] != key.bytes) continue;
      if (present(field)) return malformed(error_, path(field), "comes twice");
      values_[field] = value;
    }
  }
  return good;
}

bool Fields::required(size_t field) const {
  if (present(field)) return true;
  error_.kind = DecodeError::bad_field;
  error_.message = path(field).text() + " is missing";
  return false;
}

bool Fields::wrong(size_t field, std::string_view expected) const {
  Cursor in(values_[field]);
  Token token;
  in.next(token);
  return wrong_field(error_, path(field), expected, token);
}

bool Fields::text(size_t field, std::string_view& out) const { return read<std::string_view, read_text>(field, out); }

bool Fields::nullable_text(size_t field, std::optional<std::string_view>& out) const {
  return !present(field) || is_nil(field) || text(field, out.emplace());
}

bool Fields::boolean(size_t field, bool& out) const {
  if (!required(field)) return false;
  Cursor in(values_[field]);
  Token token;
  in.next(token);
  if (token.kind != Kind::boolean) return wrong_field(error_, path(field), "bool", token);
  out = token.boolean;
  return true;
}

bool Fields::nullable_boolean(size_t field, std::optional<bool>& out) const {
  return !present(field) || is_nil(field) || boolean(field, out.emplace());
}

bool Fields::integer(size_t field, uint64_t& out) const {
  if (!required(field)) return false;
  Token token;
  Cursor(values_[field]).next(token);
  return token.to_uint64(out) || wrong(field, "a whole number from 0 to 2^64-1");
}

bool Fields::nullable_int(size_t field, std::optional<int64_t>& out) const {
  if (!present(field) || is_nil(field)) return true;
  Cursor in(values_[field]);
  Token token;
  in.next(token);
  if (!token.to_int64(out.emplace())) return wrong_field(error_, path(field), "int or nil", token);
  return true;
}

bool Fields::nullable_uid(size_t field, std::optional<Uid>& out) const {
  return !present(field) || is_nil(field) || uid(field, out.emplace());
}

bool Fields::text_map(size_t field, Bytes& out) const {
  if (!required(field) || !check_text_map(values_[field], path(field), error_)) return false;
  out = values_[field];
  return true;
}

bool Fields::nullable_map(size_t field, Bytes& out) const {
  if (!present(field) || is_nil(field)) return true;
  Cursor in(values_[field]);
  Token head;
  in.next(head);
  if (head.kind != Kind::map) return wrong_field(error_, path(field), "map or nil", head);
  out = values_[field];
  return true;
}

bool Fields::text_pairs(size_t field, std::vector<std::pair<std::string_view, std::string_view>>& out) const {
  if (!required(field)) return false;
  Cursor in(values_[field]);
  Token head;
  in.next(head);
  if (head.kind != Kind::map) return wrong_field(error_, path(field), "map", head);
  Path at = path(field);
  for (uint32_t i = 0; i < head.count; ++i) {
    std::pair<std::string_view, std::string_view> pair;
    Path value{&at, {}, 0};
    if (!read_text(in, at, pair.first, error_)) return false;
    value.name = pair.first;
    if (!read_text(in, value, pair.second, error_)) return false;
    out.push_back(pair);
  }
  return true;
}

bool Fields::any(size_t field, Bytes& out) const {
  if (!required(field)) return false;
  out = values_[field];
  return true;
}

}  // namespace tractor::core::wire
