#include "scope/flow.hpp"

namespace tractor::core {

Task<Done> pause(Loop& loop, int64_t ns) {
  Mailbox<Done> never(loop);
  co_await never.next(loop.now() + ns);
  co_return Done{};
}

}  // namespace tractor::core
