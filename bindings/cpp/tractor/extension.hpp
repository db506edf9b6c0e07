// MessagePack's extensions: a number and bytes.
#pragma once

#include <tractor/schema.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "codec.hpp"
#include "error.hpp"

namespace tractor {

/// A value of a type that MessagePack itself does not have. Negative numbers are its own; -1 is a timestamp.
struct extension {
  std::int8_t type = 0;
  std::vector<std::byte> data;
};

template <>
struct codec<extension> {
  static void write(writer& w, const extension& e) { w.extension(e.type, e.data); }
  static extension read(reader& r) {
    auto [type, data] = r.extension();
    return {type, {data.begin(), data.end()}};
  }
  static const char* schema() { return "ext"; }
};

/// Makes an extension known to payload types by a name. @param fits  looks into its bytes, on any thread; NULL: all fit
/// @throws misuse_error for a bad name or number, and if the name is taken
inline void register_extension(const char* name, std::int8_t type, bool (*fits)(std::span<const std::byte>) = nullptr) {
  auto check = [](const void* data, std::size_t size, void* user) {
    auto look = reinterpret_cast<bool (*)(std::span<const std::byte>)>(user);
    bool good = look({static_cast<const std::byte*>(data), size});
    return static_cast<int>(good ? TRACTOR_OK : TRACTOR_EMSGTYPE);
  };
  detail::check(tractor_register_ext(name, type, fits ? +check : nullptr, reinterpret_cast<void*>(fits)));
}

}  // namespace tractor
