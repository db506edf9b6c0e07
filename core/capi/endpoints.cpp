#include <tractor/discovery.h>

#include <new>

#include "ipc/endpoints.hpp"
#include "wire/payload.hpp"
#include "wire/scratch.hpp"
#include "wire/value.hpp"

using namespace tractor::core;

namespace {

Bytes parse(Bytes given) {
  auto table = check_payload(given, kEmptyMap);
  if (!table && table.failure().code == Status::no_memory) return memory_poison();
  if (!table) return make_poison(scratch_text(table.failure().message));
  OutBuffer parsed;
  if (auto ok = append_endpoints(*table, parsed); !ok) return make_poison(scratch_text(ok.failure().message));
  return scratch_copy(parsed.view());
}

}  // namespace

tractor_bytes tractor_parse_endpoints(tractor_bytes endpoints) {
  Bytes parsed = memory_poison();
  try {
    parsed = parse({static_cast<const char*>(endpoints.data), endpoints.len});
  } catch (const std::bad_alloc&) {
  }
  return {parsed.data(), parsed.size()};
}
