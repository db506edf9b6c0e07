#include <tractor/tree.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "capi/call_options.hpp"
#include "capi/guard.hpp"
#include "devx/tree_text.hpp"
#include "runtime/actor.hpp"
#include "runtime/tree.hpp"
#include "wire/packer.hpp"
#include "wire/scratch.hpp"

using namespace tractor::core;

tractor_bytes tractor_actor_snapshot(tractor_actor* actor) {
  return guarded_or(tractor_bytes{kNil.data(), kNil.size()}, [&] {
    if (!actor || from_c(actor)->ended()) return tractor_bytes{kNil.data(), kNil.size()};
    OutBuffer out;
    wire::Packer pack(out);
    from_c(actor)->describe(pack, false);
    Bytes all = scratch_copy(out.view());
    return tractor_bytes{all.data(), all.size()};
  });
}

tractor_op tractor_actor_tree(tractor_actor* actor, tractor_nursery* in, const tractor_call_options* options,
                              tractor_value_fn fn, void* user) {
  return guarded<tractor_op>([&]() -> tractor_op {
    if (!actor || from_c(actor)->ended()) return TRACTOR_ECLOSED;
    Nursery* n = in ? live(in) : from_c(actor)->main();
    if (!n || n->ended()) return TRACTOR_ECLOSED;
    ErrorRef bad;
    CallOptions call = call_options(options, bad);
    return TreeOp::start(*from_c(actor), *n, call.timeout ? call.timeout : TreeOp::kDefaultTimeout, bad, fn, user);
  });
}

char* tractor_tree_format(tractor_bytes tree) {
  try {
    std::string text = tree_text({static_cast<const char*>(tree.data), tree.len});
    return strdup(text.c_str());
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
