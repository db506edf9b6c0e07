// The type of a payload: read once, when an endpoint is registered, and checked against many values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/buffer.hpp"
#include "base/ref.hpp"
#include "base/result.hpp"
#include "wire/type_node.hpp"

namespace tractor::core {

/// How a value does not fit its type. It holds what a peer sent only in valid UTF-8, on one line and cut.
struct Mismatch {
  std::string path;      ///< "$.points[3].x"; "$" is the whole value
  std::string expected;  ///< the innermost type that failed; of a union, the whole union
  std::string found;     ///< "'hello' (str)"
  /// "$.points[3].x: expected float, found 'hello' (str)".
  std::string text() const { return path + ": expected " + expected + ", found " + found; }
};

/// Immutable; any thread.
class TypeSpec final : public RefCounted<TypeSpec> {
 public:
  /// Fails with Status::invalid and TypeError, and names the column.
  static Result<Ref<const TypeSpec>> parse(std::string_view text);
  /// The type that everything fits.
  static Ref<const TypeSpec> any();
  explicit TypeSpec(wire::TypeNode root) : root_(std::move(root)), text_(root_.to_text()) {}

  /// Nothing if `value`, one well-formed value, fits; no bytes at all read as nil. Success allocates nothing.
  std::optional<Mismatch> check(Bytes value) const;
  /// There is no need to check.
  bool takes_all() const { return root_.op == wire::TypeNode::Op::any; }
  const std::string& text() const { return text_; }  ///< canonical

 private:
  wire::TypeNode root_;
  std::string text_;
};

/// The schema of an endpoint: either one type for all that it sends, or "started: T; stream: T; return: T", in which
/// each may be missing. None is ever null.
struct PayloadSpec {
  Ref<const TypeSpec> started, stream, result;

  static Result<PayloadSpec> parse(std::string_view text);
};

}  // namespace tractor::core
