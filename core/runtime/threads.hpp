// Worker threads for blocking and CPU-bound work.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/handles.hpp"
#include "base/list.hpp"
#include "runtime/posts.hpp"
#include "scope/op.hpp"

#include <tractor/nursery.h>

namespace tractor::core {

class ThreadOp;
struct WaitingTag;

class ThreadPool {
 public:
  explicit ThreadPool(PostQueue& posts) : posts_(posts) {}
  /// No work is left when the actor ends, so the threads only have to be told.
  ~ThreadPool();
  /// False if there is no thread and none can be had.
  bool submit(ThreadOp& op);
  /// True if it had not begun; it then never will.
  bool withdraw(ThreadOp& op);

 private:
  static constexpr size_t kMaxThreads = 16;
  void work();
  void take(ThreadOp& op);
  PostQueue& posts_;
  std::mutex mutex_;
  std::condition_variable changed_;
  List<ThreadOp, WaitingTag> waiting_;
  std::vector<std::thread> threads_;
  size_t waiting_count_ = 0, idle_ = 0;
  bool stopping_ = false;
};

class ThreadOp final : public Op, public PostQueue::Item, public Link<WaitingTag> {
 public:
  static OpToken start(ThreadPool& pool, Nursery& in, tractor_work_fn work, tractor_done_fn fn, void* user);
  void run() { work_(user_); }

 private:
  ThreadOp(ThreadPool& pool, Nursery& in, tractor_work_fn work, tractor_done_fn fn, void* user)
      : Op(in, fn != nullptr), pool_(pool), work_(work), fn_(fn), user_(user) {}
  void deliver(const Error* err) override { fn_(to_c(err), user_); }
  void on_cancel(const ErrorRef& why) override;
  void on_posted() override { decide({}); }
  ThreadPool& pool_;
  tractor_work_fn work_;
  tractor_done_fn fn_;
  void* user_;
};

}  // namespace tractor::core
