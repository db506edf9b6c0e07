// A nursery as data, for people who want to know what is going on.
#include <algorithm>

#include "scope/nursery.hpp"
#include "wire/packer.hpp"

namespace tractor::core {

void Nursery::describe(wire::Packer& out) {
  size_t children = 0, nested = 0;
  for (ChildOf* c = children_.first(); c; c = children_.after(*c)) ++children;
  for (Nursery* n = nested_.first(); n; n = nested_.after(*n)) ++nested;
  out.map(7);
  out.str("what");
  out.text(what());
  out.str("state");
  out.str(stopped_ ? "cancelled" : closed() ? "closed" : "open");
  out.str("age");
  out.integer(std::max<int64_t>(engine_->loop().about_now() - since_, 0));
  out.str("waits_for");
  out.text(open_work());
  out.str("children");
  out.array(children);
  for (ChildOf* c = children_.first(); c; c = children_.after(*c)) c->describe(out);
  out.str("nurseries");
  out.array(nested);
  for (Nursery* n = nested_.first(); n; n = nested_.after(*n)) n->describe(out);
  out.str("ctx");
  describe_more(out);
}

void Nursery::describe_more(wire::Packer& out) { out.nil(); }

}  // namespace tractor::core
