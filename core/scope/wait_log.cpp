#include "scope/wait_log.hpp"

#include <new>

#include "base/log.hpp"
#include "scope/nursery.hpp"

namespace tractor::core {

namespace {

constexpr int64_t kTick = kSecond / 2;
/// The first tick comes some time within one, so that this many take a second at least.
constexpr uint32_t kTicks = 3;

}  // namespace

void WaitLog::add(Nursery& scope) {
  WaitsInLog& entry = scope;
  entry.since_ = now_;
  waiting_.push_back(entry);
  if (!armed()) tick_on();
}

void WaitLog::tick_on() {
  try {
    loop_.arm_after(*this, kTick);
  } catch (const std::bad_alloc&) {
    // The next one that waits tries again.
  }
}

void WaitLog::on_timer() {
  ++now_;
  while (WaitsInLog* entry = waiting_.first()) {
    if (now_ - entry->since_ < kTicks) break;
    waiting_.pop_front();
    if (!log::enabled(log::kInfo)) continue;
    auto& scope = static_cast<Nursery&>(*entry);
    try {
      TRACTOR_LOG(kInfo, "tractor.scope", "%s %s and waits for %s", scope.what().c_str(),
                  scope.cancel_reason() ? "was cancelled" : "is closed", scope.open_work().c_str());
    } catch (const std::bad_alloc&) {
    }
  }
  if (!waiting_.empty()) tick_on();
}

}  // namespace tractor::core
