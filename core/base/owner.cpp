#include "base/owner.hpp"

#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace tractor::core {

void Owner::claim() {
  if (!alive_page_) {
    auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    void* page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || madvise(page, size, MADV_WIPEONFORK) != 0) throw std::bad_alloc();
    alive_page_ = new (page) std::atomic<char>(0);
  }
  alive_page_->store(1, std::memory_order_relaxed);
  thread_.store(pthread_self(), std::memory_order_relaxed);
  owned_ = true;
}

}  // namespace tractor::core
