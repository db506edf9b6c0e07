// A payload type as a tree: what the parser makes, the checker walks, and the text is written from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/ext_types.hpp"
#include "wire/type_scanner.hpp"

namespace tractor::core::wire {

struct TypeNode {
  enum class Op : uint8_t {
    any,
    nil,
    boolean,
    integer,
    real,
    str,
    bytes,
    list,        ///< one part, or none: of anything
    tuple,       ///< a part for each element
    dict,        ///< a part for the keys and one for the values, or none
    record,      ///< a part for each field
    this_text,   ///< `text`
    this_int,    ///< `number`, above INT64_MAX if not `negative`
    ext,         ///< of any number
    ext_number,  ///< `number`
    ext_type,    ///< `type`
    either       ///< two or more parts, none of which is `either`
  };

  Op op = Op::any;
  bool optional = false;  ///< of a field
  bool negative = false;
  uint64_t number = 0;  ///< two's complement if `negative`
  std::string text;
  std::string name;  ///< of a field
  const ExtType* type = nullptr;
  std::vector<TypeNode> parts;
  std::vector<uint32_t> by_name;  ///< of a record: its parts, sorted by their names

  /// The part of a record for a key; null if it has none. `hint` is where to look first, and where to next time.
  const TypeNode* field(std::string_view key, size_t& hint) const;
  /// Canonical: what it is parsed from, with the same spaces always and no parentheses.
  void write(std::string& out) const;
  std::string to_text() const {
    std::string out;
    write(out);
    return out;
  }
};

constexpr size_t kMaxTypeDepth = 32;
/// A field takes four bytes of text at least: "a:1,".
constexpr size_t kMaxFields = kMaxTypeText / 4;

}  // namespace tractor::core::wire
