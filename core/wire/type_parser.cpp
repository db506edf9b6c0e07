#include "wire/type_parser.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "wire/cursor.hpp"

namespace tractor::core::wire {
namespace {

using Op = TypeNode::Op;

/// What takes no brackets.
constexpr struct {
  std::string_view word;
  Op op;
} kPlain[] = {
    {"any", Op::any},     {"None", Op::nil},   {"nil", Op::nil}, {"bool", Op::boolean},
    {"int", Op::integer}, {"float", Op::real}, {"str", Op::str}, {"bytes", Op::bytes},
};
constexpr std::string_view kBracketed[] = {"list", "tuple", "dict", "ext", "Optional"};

/// The alternatives of a union, without unions inside and without repetitions.
class Alternatives {
 public:
  void add(TypeNode&& node) {
    if (node.op == Op::either) {
      for (TypeNode& part : node.parts) add(std::move(part));
    } else if (seen_.insert(node.to_text()).second) {
      parts_.push_back(std::move(node));
    }
  }
  TypeNode take() {
    if (parts_.size() == 1) return std::move(parts_.front());
    TypeNode node;
    node.op = Op::either;
    node.parts = std::move(parts_);
    return node;
  }

 private:
  std::vector<TypeNode> parts_;
  std::set<std::string> seen_;
};

}  // namespace

bool is_type_word(std::string_view s) {
  return std::ranges::any_of(kPlain, [&](const auto& p) { return p.word == s; }) ||
         std::ranges::find(kBracketed, s) != std::end(kBracketed);
}

bool TypeParser::type(TypeNode& out) {
  if (failed_) return false;
  Alternatives alternatives;
  do {
    TypeNode next;
    if (!one(next)) return false;
    alternatives.add(std::move(next));
  } while (take('|'));
  out = alternatives.take();
  return true;
}

bool TypeParser::nested(TypeNode& out) {
  if (depth_ == kMaxTypeDepth) return fail("brackets nest more than " + std::to_string(kMaxTypeDepth) + " deep", pos_);
  ++depth_;
  bool good = type(out);
  --depth_;
  return good;
}

bool TypeParser::one(TypeNode& out) {
  char c = peek();
  if (take('(')) return nested(out) && want(')');
  if (take('{')) return record(out);
  if (c == '\'' || c == '"') {
    out.op = Op::this_text;
    return quoted(out.text);
  }
  if (c == '-' || (c >= '0' && c <= '9')) {
    out.op = Op::this_int;
    return integer(out.number, out.negative);
  }
  return named(out);
}

bool TypeParser::named(TypeNode& out) {
  size_t start = here();
  std::string_view word = name();
  if (word.empty()) return expected("a type");
  for (const auto& p : kPlain) {
    if (p.word != word) continue;
    out.op = p.op;
    return true;
  }
  if (word == "list") return list(out);
  if (word == "tuple") return tuple(out);
  if (word == "dict") return dict(out);
  if (word == "ext") return ext(out);
  if (word == "Optional") return optional(out);
  out.op = Op::ext_type;
  out.type = ExtTypes::find(word);
  return out.type || fail("'" + shown(word) + "' is no type, and no extension type of that name is registered", start);
}

bool TypeParser::list(TypeNode& out) {
  out.op = Op::list;
  if (!take('[')) return true;
  return nested(out.parts.emplace_back()) && want(']');
}

bool TypeParser::tuple(TypeNode& out) {
  out.op = Op::list;
  if (!take('[')) return true;
  do {
    if (out.parts.size() == 1 && peek() == '.') {
      if (text_.substr(pos_, 3) != "...") return expected("'...'");
      pos_ += 3;
      return want(']');
    }
    if (!nested(out.parts.emplace_back())) return false;
  } while (take(','));
  out.op = Op::tuple;
  return take(']') || expected("',' or ']'");
}

bool TypeParser::dict(TypeNode& out) {
  out.op = Op::dict;
  if (!take('[')) return true;
  TypeNode key, value;
  if (!nested(key) || !want(',') || !nested(value) || !want(']')) return false;
  out.parts.push_back(std::move(key));
  out.parts.push_back(std::move(value));
  return true;
}

bool TypeParser::optional(TypeNode& out) {
  TypeNode inner, none;
  none.op = Op::nil;
  if (!want('[') || !nested(inner) || !want(']')) return false;
  Alternatives alternatives;
  alternatives.add(std::move(inner));
  alternatives.add(std::move(none));
  out = alternatives.take();
  return true;
}

bool TypeParser::ext(TypeNode& out) {
  out.op = Op::ext;
  if (!take('[')) return true;
  size_t start = here();
  out.op = Op::ext_number;
  if (!integer(out.number, out.negative)) return false;
  bool fits = out.negative ? static_cast<int64_t>(out.number) >= INT8_MIN : out.number <= INT8_MAX;
  if (!fits) return expected("a number of -128 to 127", start);
  return want(']');
}

bool TypeParser::record(TypeNode& out) {
  out.op = Op::record;
  if (take('}')) return true;
  std::set<std::string, std::less<>> names;
  do {
    TypeNode field;
    std::string name;
    size_t start = here();
    if (!field_name(name)) return false;
    if (!names.insert(name).second) return fail("field '" + shown(name) + "' comes twice", start);
    bool is_optional = take('?');
    if (!want(':') || !nested(field)) return false;
    field.name = std::move(name);
    field.optional = is_optional;
    out.parts.push_back(std::move(field));
  } while (take(','));
  for (uint32_t i = 0; i < out.parts.size(); ++i) out.by_name.push_back(i);
  std::ranges::sort(out.by_name, {}, [&](uint32_t i) -> const std::string& { return out.parts[i].name; });
  return take('}') || expected("',' or '}'");
}

bool TypeParser::field_name(std::string& out) {
  char c = peek();
  if (c == '\'' || c == '"') return quoted(out);
  out = name();
  return !out.empty() || expected("the name of a field");
}

}  // namespace tractor::core::wire
