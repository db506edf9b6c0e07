// The fields of one message struct, found in any order, and typed access to them that knows what to say when the
// type is wrong.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/cursor.hpp"
#include "wire/message.hpp"
#include "wire/value.hpp"

namespace tractor::core::wire {

/// Where a value lies, for error messages; a chain on the stack that is only walked when something is wrong.
struct Path {
  const Path* up = nullptr;
  std::string_view name;  ///< empty: an element
  size_t index = 0;

  std::string text() const;  ///< "Error.relay_path[2]"
};

/// Sets `error` to what was expected at `at`; false, so that a reader can return it.
bool wrong_field(DecodeError& error, const Path& at, std::string_view expected, const Token& found);
bool malformed(DecodeError& error, const Path& at, std::string_view what);

// Typed readers of one value. They expect well-formed input.
bool read_text(Cursor& in, const Path& at, std::string_view& out, DecodeError& error);
bool read_uid(Cursor& in, const Path& at, Uid& out, DecodeError& error);
bool read_addr(Cursor& in, const Path& at, WireAddr& out, DecodeError& error);
/// A map whose keys are text, taken as it lies.
bool check_text_map(Bytes value, const Path& at, DecodeError& error);

template <class T, bool (*Read)(Cursor&, const Path&, T&, DecodeError&)>
bool read_array(Cursor& in, const Path& at, std::vector<T>& out, DecodeError& error) {
  Token head;
  in.next(head);
  if (head.kind != Kind::array) return wrong_field(error, at, "array", head);
  out.clear();
  for (uint32_t i = 0; i < head.count; ++i) {
    T item{};
    if (!Read(in, Path{&at, {}, i}, item, error)) return false;
    out.push_back(std::move(item));
  }
  return true;
}

/// Field numbers are positions in the list of names. Every getter is false after an error; where the field is absent,
/// the `optional_` ones leave `out` as it is.
class Fields {
 public:
  static constexpr size_t kMax = 12;

  Fields(const Path& at, std::span<const std::string_view> names, DecodeError& error)
      : at_(at), names_(names), error_(error) {}

  /// Sorts the pairs of a map. Unknown keys are passed over; a known one that comes twice makes the frame malformed:
  /// its meaning would depend on who reads it.
  bool collect(Bytes map);

  bool present(size_t field) const { return !values_[field].empty(); }
  bool text(size_t field, std::string_view& out) const;
  bool optional_text(size_t field, std::string_view& out) const { return !present(field) || text(field, out); }
  bool nullable_text(size_t field, std::optional<std::string_view>& out) const;
  bool boolean(size_t field, bool& out) const;
  bool nullable_boolean(size_t field, std::optional<bool>& out) const;
  bool nullable_int(size_t field, std::optional<int64_t>& out) const;
  bool integer(size_t field, uint64_t& out) const;
  bool uid(size_t field, Uid& out) const { return read<Uid, read_uid>(field, out); }
  bool nullable_uid(size_t field, std::optional<Uid>& out) const;
  bool addrs(size_t field, std::vector<WireAddr>& out) const {
    return read<std::vector<WireAddr>, read_array<WireAddr, read_addr>>(field, out);
  }
  bool uids(size_t field, std::vector<Uid>& out) const {
    return read<std::vector<Uid>, read_array<Uid, read_uid>>(field, out);
  }
  bool text_map(size_t field, Bytes& out) const;
  bool nullable_map(size_t field, Bytes& out) const;
  bool text_pairs(size_t field, std::vector<std::pair<std::string_view, std::string_view>>& out) const;
  bool any(size_t field, Bytes& out) const;

  bool is_nil(size_t field) const { return values_[field] == kNil; }
  /// False if it is not there, with the error set.
  bool required(size_t field) const;
  Path path(size_t field) const { return {&at_, names_[field], 0}; }
  bool wrong(size_t field, std::string_view expected) const;

 private:
  template <class T, bool (*Read)(Cursor&, const Path&, T&, DecodeError&)>
  bool read(size_t field, T& out) const {
    if (!required(field)) return false;
    Cursor in(values_[field]);
    return Read(in, path(field), out, error_);
  }

  const Path& at_;
  std::span<const std::string_view> names_;
  DecodeError& error_;
  Bytes values_[kMax];
};

}  // namespace tractor::core::wire
