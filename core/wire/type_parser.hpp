// Reads the texts of payload types; the language is described in <tractor/schema.h>.
#pragma once

#include <string_view>

#include "wire/type_node.hpp"
#include "wire/type_scanner.hpp"

namespace tractor::core::wire {

/// A name that means something in the language itself.
bool is_type_word(std::string_view s);

class TypeParser : public TypeScanner {
 public:
  using TypeScanner::TypeScanner;

  /// One type, with all alternatives.
  bool type(TypeNode& out);

 private:
  /// A type inside of brackets.
  bool nested(TypeNode& out);
  bool one(TypeNode& out);
  bool named(TypeNode& out);
  bool list(TypeNode& out);
  bool tuple(TypeNode& out);
  bool dict(TypeNode& out);
  bool optional(TypeNode& out);
  bool ext(TypeNode& out);
  bool record(TypeNode& out);
  bool field_name(std::string& out);

  size_t depth_ = 0;
};

}  // namespace tractor::core::wire
