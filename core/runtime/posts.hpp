// What other threads want to run on the loop.
#pragma once

#include <mutex>
#include <vector>

#include "base/handles.hpp"
#include "fault/error.hpp"
#include "loop/loop.hpp"

namespace tractor::core {

/// Each accepted post runs exactly once: on the loop, or with ECLOSED when the queue is closed.
class PostQueue final : private Ready {
 public:
  ~PostQueue() { detach(); }
  void attach(Loop& loop);
  /// Any thread.
  Status add(tractor_done_fn fn, void* user);
  /// Refuses what comes from now on and tells the rest that it came too late.
  void close();

  /// For the library's own: `run` on the loop thread; accepted as long as the loop lives.
  class Item : public Link<Item> {
   public:
    virtual void on_posted() = 0;

   protected:
    ~Item() = default;
  };
  void add(Item& item);

 private:
  struct Post {
    tractor_done_fn fn;
    void* user;
  };
  void fire() override;
  void detach();
  std::mutex mutex_;
  Loop* loop_ = nullptr;
  std::vector<Post> posts_;
  List<Item, Item> items_;
  bool closed_ = false;
};

}  // namespace tractor::core
