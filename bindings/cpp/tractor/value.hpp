// A value whose type is not known before it is there.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>

#include "codec.hpp"

namespace tractor {

namespace detail {

/// What can be asked of a value, whoever owns it.
template <class Self>
class readable {
 public:
  template <class T>
  T as() const {
    return decode<T>(c());
  }
  template <class T>
  requires requires(reader& r) { codec<T>::read(r); }
  operator T() const { return as<T>(); }

  bool is_nil() const {
    reader r(c());
    return r.next_type() == TRACTOR_TYPE_NIL;
  }
  /// On one line, for people.
  std::string json() const {
    text_ptr text(tractor_value_json(c()));
    return text ? text.get() : "";
  }
  /// As it travels; borrowed.
  tractor_bytes bytes() const noexcept { return tractor_value_bytes(c()); }

 private:
  const tractor_value* c() const noexcept { return static_cast<const Self*>(this)->c_value(); }
};

}  // namespace detail

/// Any value, kept; copies share it. It converts to what it is used as: `std::string s = v;` throws msg_type_error if it is
/// no string.
class value : public detail::readable<value> {
 public:
  value() noexcept = default;
  /// Keeps a value that is borrowed from the library.
  explicit value(const tractor_value* borrowed) : c_(tractor_value_keep(borrowed)) {
    if (!c_) throw std::bad_alloc();
  }
  value(const value& other) : c_(other.c_ ? tractor_value_keep(other.c_.get()) : nullptr) {}
  value(value&& other) noexcept = default;
  value& operator=(value other) noexcept {
    c_ = std::move(other.c_);
    return *this;
  }

  /// A copy of bytes, which are exactly one value. @throws msg_type_error if they are not
  explicit value(tractor_bytes bytes) : c_(tractor_value_new(bytes)) {
    if (c_) return;
    if (const char* why = tractor_bytes_error(bytes)) throw msg_type_error(TRACTOR_EMSGTYPE, nullptr, why);
    throw std::bad_alloc();
  }
  /// A value of its own made of a C++ value. @throws msg_type_error for text that is not UTF-8
  template <class T>
  static value of(const T& v) {
    return value(encode(v));
  }

  /// A value that lies in memory of yours, without a copy. `release()` runs when nobody uses it any more, on whatever thread.
  /// @throws msg_type_error if the bytes are not exactly one value; then `release` never runs
  template <class Release>
  static value external(std::span<const std::byte> bytes, Release release) {
    auto kept = std::make_unique<Release>(std::move(release));
    auto call = [](void* user) {
      std::unique_ptr<Release> last(static_cast<Release*>(user));
      (*last)();
    };
    value v;
    v.c_.reset(tractor_value_new_external(bytes.data(), bytes.size(), call, kept.get()));
    if (!v.c_) return value(tractor_bytes{bytes.data(), bytes.size()});  // says what is wrong with them
    kept.release();
    return v;
  }

  /// Borrowed; NULL is nil.
  const tractor_value* c_value() const noexcept { return c_.get(); }

 private:
  value_ptr c_;
};

/// Any value, looked at where it lies: a stream that receives these neither decodes nor copies them. Each is valid until the
/// next `co_await`; value(v.c_value()) keeps it.
class value_view : public detail::readable<value_view> {
 public:
  value_view() noexcept = default;
  explicit value_view(const tractor_value* borrowed) noexcept : c_(borrowed) {}
  value_view(const value& kept) noexcept : c_(kept.c_value()) {}
  const tractor_value* c_value() const noexcept { return c_; }

 private:
  const tractor_value* c_ = nullptr;
};

template <>
struct codec<value> {
  static void write(writer& w, const value& v) { w.raw(v.bytes()); }
  static value read(reader& r) { return value(r.raw()); }
  static value keep(const tractor_value* whole) { return value(whole); }
  static tractor_bytes packed(const value& v) { return v.bytes(); }
};

template <>
struct codec<value_view> {
  static void write(writer& w, value_view v) { w.raw(v.bytes()); }
  static value_view keep(const tractor_value* whole) { return value_view(whole); }
  static tractor_bytes packed(value_view v) { return v.bytes(); }
};

/// One value that is packed already: it can be sent as it is.
template <>
struct codec<tractor_bytes> {
  static void write(writer& w, tractor_bytes v) { w.raw(v); }
  static tractor_bytes packed(tractor_bytes v) { return v; }
};

}  // namespace tractor
