// Walks through one value and remembers where it is, so that a wrong type can be reported with its place.
#pragma once

#include <string>
#include <vector>

#include "base/buffer.hpp"
#include "base/status.hpp"
#include "wire/cursor.hpp"

namespace tractor::core {

/// Containers are entered by array() or map() and left by themselves after their last element; a map's keys and values
/// are read in turn. The first failure sticks.
class Reader {
 public:
  explicit Reader(Bytes value) : in_(value) {}
  /// Stands before another value; keeps its memory.
  void reset(Bytes value) {
    in_ = wire::Cursor(value);
    levels_.clear();
    status_ = Status::ok;
    error_.clear();
  }

  Status nil();
  Status boolean(bool& out);
  Status int64(int64_t& out);
  Status uint64(uint64_t& out);
  Status real(double& out);
  Status str(std::string_view& out);
  Status bin(Bytes& out);
  Status ext(int8_t& type, Bytes& out);
  Status raw(Bytes& out);
  Status array(uint32_t& count);
  Status map(uint32_t& count);
  Status skip();

  /// The next token, without taking it. False at the end of the value and after a failure.
  bool peek(wire::Token& out) const;

  /// "at .points[3].x: expected float, found str 'a'"; empty if nothing went wrong.
  const std::string& error() const { return error_; }
  Status status() const { return status_; }
  void fail_for_memory() noexcept { status_ = Status::no_memory; }

 private:
  struct Level {
    bool map;
    bool at_value;  ///< of a map: the key was read
    uint32_t index, count;
    const char* start;
    Bytes key;
  };
  /// Reads ahead to `after` the next token; false if there is none, with the failure recorded.
  bool look(const char* expected, wire::Token& out, wire::Cursor& after);
  Status wrong(const char* expected, const wire::Token& found);
  Status enter(wire::Kind kind, const char* expected, uint32_t& count);
  /// Takes what was looked at as one whole value.
  Status accept(const wire::Cursor& after);
  /// One value, which began at `start`, was passed: moves on, and out of containers that are complete.
  Status done(const char* start);
  std::string place() const;

  wire::Cursor in_;
  std::vector<Level> levels_;
  Status status_ = Status::ok;
  std::string error_;
};

}  // namespace tractor::core
