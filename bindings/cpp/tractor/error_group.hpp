// What can be asked of errors that are several; included by error.hpp.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "error.hpp"

namespace tractor {

namespace detail {

template <class Visit>
void for_each_leaf(const tractor_error* e, Visit visit) {
  std::size_t count = tractor_error_child_count(e);
  if (count == 0) visit(error(e));
  for (std::size_t i = 0; i < count; ++i) for_each_leaf(tractor_error_child(e, i), visit);
}

/// `e` with those leaves only for which `wanted` holds; null if there are none.
template <class Predicate>
error_ptr part_of(const tractor_error* e, Predicate& wanted) {
  std::size_t count = tractor_error_child_count(e);
  if (count == 0) return error_ptr(wanted(error(e)) ? tractor_error_ref(e) : nullptr);
  std::vector<error_ptr> parts;
  std::vector<const tractor_error*> members;
  for (std::size_t i = 0; i < count; ++i)
    if (error_ptr part = part_of(tractor_error_child(e, i), wanted)) {
      members.push_back(part.get());
      parts.push_back(std::move(part));
    }
  if (members.empty()) return nullptr;
  return error_ptr(tractor_error_group(tractor_error_message(e), members.data(), members.size()));
}

}  // namespace detail

inline void error::raise() const { throw_error(c_); }

template <class E>
std::shared_ptr<const E> error::as() const {
  try {
    raise();
  } catch (const E& e) {
    return {std::make_shared<std::exception_ptr>(std::current_exception()), &e};
  } catch (...) {
    return nullptr;
  }
}

inline std::vector<error> error_group::leaves() const {
  std::vector<error> all;
  detail::for_each_leaf(c_error(), [&](error leaf) { all.push_back(std::move(leaf)); });
  return all;
}

template <class E>
std::shared_ptr<const E> error_group::find() const {
  for (const error& leaf : leaves())
    if (auto found = leaf.as<E>()) return found;
  return nullptr;
}

template <class Predicate>
std::pair<std::optional<error>, std::optional<error>> error_group::split(Predicate predicate) const {
  auto rest = [&](const error& leaf) { return !predicate(leaf); };
  auto part = [&](auto& wanted) -> std::optional<error> {
    error_ptr e = detail::part_of(c_error(), wanted);
    if (e) return error(e.get());
    return std::nullopt;
  };
  return {part(predicate), part(rest)};
}

template <class E>
std::pair<std::optional<error>, std::optional<error>> error_group::split() const {
  return split([](const error& leaf) { return leaf.as<E>() != nullptr; });
}

inline error error_group::collapse() const {
  std::vector<error> all = leaves();
  if (all.size() == 1) return all.front();
  return *this;
}

}  // namespace tractor
