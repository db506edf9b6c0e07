// MessagePack to C++ values.
#pragma once

#include <tractor/value.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "error.hpp"
#include "handle.hpp"
#include "text.hpp"

namespace tractor {

template <class T>
struct codec;

/// Walks through one value. Containers are entered by array() and map(), which say how much follows, and left by
/// themselves. What does not fit is thrown as a msg_type_error that names the place:
/// "at .points[3].x: expected float, found str 'a'".
class reader {
 public:
  /// @param value  has to outlive the reader; NULL reads as nil
  explicit reader(const tractor_value* value) : c_(std::move(spare())) {
    if (c_)
      tractor_reader_reset(c_.get(), value);
    else
      c_.reset(tractor_reader_new(value));
    if (!c_) throw std::bad_alloc();
  }
  reader(const reader&) = delete;
  ~reader() { spare() = std::move(c_); }

  /// The ::tractor_type of what comes next.
  int next_type() const { return tractor_reader_type(c_.get()); }

  void nil() { check(tractor_reader_nil(c_.get())); }
  bool boolean() { return taken<bool>(tractor_reader_bool); }
  std::int64_t integer() { return taken<std::int64_t>(tractor_reader_i64); }
  std::uint64_t unsigned_integer() { return taken<std::uint64_t>(tractor_reader_u64); }
  double real() { return taken<double>(tractor_reader_f64); }
  std::uint32_t array() { return taken<std::uint32_t>(tractor_reader_array); }
  std::uint32_t map() { return taken<std::uint32_t>(tractor_reader_map); }
  /// Any value as it lies; borrowed from the value that is read, as text() and bytes() are.
  tractor_bytes raw() { return taken<tractor_bytes>(tractor_reader_raw); }
  void skip() { check(tractor_reader_skip(c_.get())); }
  std::string_view text() {
    const char* data = nullptr;
    std::size_t size = 0;
    check(tractor_reader_str(c_.get(), &data, &size));
    return {data, size};
  }
  std::span<const std::byte> bytes() {
    const void* data = nullptr;
    std::size_t size = 0;
    check(tractor_reader_bin(c_.get(), &data, &size));
    return {static_cast<const std::byte*>(data), size};
  }
  std::pair<std::int8_t, std::span<const std::byte>> extension() {
    std::int8_t type = 0;
    const void* data = nullptr;
    std::size_t size = 0;
    check(tractor_reader_ext(c_.get(), &type, &data, &size));
    return {type, {static_cast<const std::byte*>(data), size}};
  }

  template <class T>
  T read() {
    return codec<T>::read(*this);
  }

  /// Where a codec is, while it reads the elements of a container: for the messages of fail().
  class place {
   public:
    place(reader& r, std::size_t index) : place(r, {}, index) {}
    place(reader& r, std::string_view name) : place(r, name, 0) {}
    place(const place&) = delete;
    ~place() { reader_.place_ = up_; }
    std::string text() const {
      std::string here = name_.data() ? detail::text_of(".", name_) : detail::text_of("[", index_, "]");
      return up_ ? up_->text() + here : here;
    }

   private:
    place(reader& r, std::string_view name, std::size_t index) : reader_(r), up_(r.place_), name_(name), index_(index) {
      r.place_ = this;
    }
    reader& reader_;
    const place* up_;
    std::string_view name_;
    std::size_t index_;
  };

  /// What a codec throws when a value has the right type but does not fit. @param why "expected an even number, found 3"
  [[noreturn]] void fail(const std::string& why) const {
    throw msg_type_error(TRACTOR_EMSGTYPE, nullptr,
                         detail::text_of("at ", place_ ? place_->text() : "the top", ": ", why));
  }

 private:
  /// The one that this thread has used last: mostly there is but one value read at a time, and then nothing is allocated.
  static reader_ptr& spare() noexcept {
    thread_local reader_ptr kept;
    return kept;
  }
  void check(int status) const {
    if (status == TRACTOR_ENOMEM) throw std::bad_alloc();
    if (status != TRACTOR_OK) throw msg_type_error(TRACTOR_EMSGTYPE, nullptr, tractor_reader_error(c_.get()));
  }
  template <class T>
  T taken(int (*take)(tractor_reader*, T*)) {
    T v{};
    check(take(c_.get(), &v));
    return v;
  }

  reader_ptr c_;
  const place* place_ = nullptr;
};

/// A value as a T. @throws msg_type_error
template <class T>
T decode(const tractor_value* value) {
  if constexpr (requires { codec<T>::keep(value); })
    return codec<T>::keep(value);
  else
    return reader(value).read<T>();
}

}  // namespace tractor
