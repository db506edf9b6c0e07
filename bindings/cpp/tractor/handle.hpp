// Owners of what the C library hands out to be given back.
#pragma once

#include <tractor/error.h>
#include <tractor/value.h>

#include <memory>

namespace tractor {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};

using error_ptr = std::unique_ptr<tractor_error, freed_by<tractor_error_unref>>;
using value_ptr = std::unique_ptr<tractor_value, freed_by<tractor_value_unref>>;
using writer_ptr = std::unique_ptr<tractor_writer, freed_by<tractor_writer_free>>;
using reader_ptr = std::unique_ptr<tractor_reader, freed_by<tractor_reader_free>>;
using text_ptr = std::unique_ptr<char, freed_by<tractor_free>>;

}  // namespace tractor
