// Builds one value piece by piece and knows when it is whole.
#pragma once

#include <string>
#include <vector>

#include "base/buffer.hpp"
#include "base/status.hpp"
#include "wire/packer.hpp"

namespace tractor::core {

/// The first failure sticks: later calls answer the same and change nothing, so a caller may check once, at the end.
class Writer {
 public:
  Writer() : packer_(out_) {}

  void reset();

  Status nil();
  Status boolean(bool v);
  Status integer(int64_t v);
  Status integer(uint64_t v);
  Status real(double v);
  Status str(std::string_view v);
  Status bin(Bytes v);
  Status ext(int8_t type, Bytes v);
  Status raw(Bytes value);
  Status array(uint32_t count);
  Status map(uint32_t count);

  /// The value; poisoned unless exactly one whole value was written. Valid until the next call.
  Bytes bytes() const;
  /// What memory that ran out leaves behind.
  void fail_for_memory() noexcept { status_ = Status::no_memory; }

 private:
  Status fail(const char* why);
  /// Run before anything is appended: does a value belong here, and can it be this one?
  bool admit(Bytes content = {});
  Status done();
  Status open(uint64_t values);

  OutBuffer out_;
  wire::Packer packer_;
  std::vector<uint64_t> pending_;  ///< values that each open container still wants
  bool whole_ = false;
  Status status_ = Status::ok;
  std::string error_;
  mutable std::string unfinished_;
};

}  // namespace tractor::core
