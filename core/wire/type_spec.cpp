#include "wire/type_spec.hpp"

#include <algorithm>
#include <array>

#include "wire/type_parser.hpp"

namespace tractor::core {

using wire::TypeNode;
using wire::TypeParser;

Result<Ref<const TypeSpec>> TypeSpec::parse(std::string_view text) {
  TypeParser in(text);
  TypeNode root;
  if (!in.type(root) || !in.end()) return in.take_failure();
  return make_ref<const TypeSpec>(std::move(root));
}

Ref<const TypeSpec> TypeSpec::any() {
  // Never destroyed, as endpoints may outlive the program's statics.
  static const auto* spec = new TypeSpec(TypeNode{});
  return Ref<const TypeSpec>(spec);
}

Result<PayloadSpec> PayloadSpec::parse(std::string_view text) {
  TypeParser in(text);
  std::string_view name;
  size_t start = in.here();
  bool sections = in.section(name);
  if (!sections) {
    TypeNode root;
    if (!in.type(root) || !in.end()) return in.take_failure();
    auto spec = make_ref<const TypeSpec>(std::move(root));
    return PayloadSpec{spec, spec, spec};
  }
  constexpr std::array<std::string_view, 3> kNames = {"started", "stream", "return"};
  std::array<Ref<const TypeSpec>, 3> specs;
  while (sections) {
    auto which = static_cast<size_t>(std::ranges::find(kNames, name) - kNames.begin());
    if (which == kNames.size())
      in.expected("started, stream or return", start);
    else if (specs[which])
      in.fail("'" + std::string(name) + "' comes twice", start);
    TypeNode root;
    if (!in.type(root)) return in.take_failure();
    specs[which] = make_ref<const TypeSpec>(std::move(root));
    if (!in.take(';')) break;
    start = in.here();
    sections = in.section(name);
    if (!sections) in.expected("started:, stream: or return:");
  }
  if (!in.end("'|', ';' or the end")) return in.take_failure();
  for (auto& spec : specs)
    if (!spec) spec = TypeSpec::any();
  return PayloadSpec{specs[0], specs[1], specs[2]};
}

}  // namespace tractor::core
