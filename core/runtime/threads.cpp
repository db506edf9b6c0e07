#include "runtime/threads.hpp"

#include <csignal>
#include <new>
#include <system_error>

namespace tractor::core {

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& t : threads_) t.join();
}

bool ThreadPool::submit(ThreadOp& op) {
  std::unique_lock lock(mutex_);
  waiting_.push_back(op);
  ++waiting_count_;
  if (idle_ < waiting_count_ && threads_.size() < kMaxThreads) {
    // Signals belong to the loop thread: a new thread inherits a mask that lets none of them through.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {  // no thread
    } catch (const std::bad_alloc&) {     // no memory for one; those that there are do
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (threads_.empty()) {
      take(op);
      return false;
    }
  }
  lock.unlock();
  changed_.notify_one();
  return true;
}

bool ThreadPool::withdraw(ThreadOp& op) {
  std::lock_guard lock(mutex_);
  if (!static_cast<Link<WaitingTag>&>(op).linked()) return false;
  take(op);
  return true;
}

void ThreadPool::take(ThreadOp& op) {
  static_cast<Link<WaitingTag>&>(op).unlink();
  --waiting_count_;
}

void ThreadPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    --idle_;
    if (waiting_.empty()) return;
    ThreadOp* op = waiting_.first();
    take(*op);
    lock.unlock();
    op->run();
    posts_.add(*op);
    lock.lock();
  }
}

OpToken ThreadOp::start(ThreadPool& pool, Nursery& in, tractor_work_fn work, tractor_done_fn fn, void* user) {
  auto* op = new ThreadOp(pool, in, work, fn, user);
  OpToken token = op->token();
  if (op->begin() && !pool.submit(*op)) op->decide(Error::of(Status::no_memory, "no thread could be started"));
  return token;
}

// Work that has begun is not interrupted: what it did is its outcome.
void ThreadOp::on_cancel(const ErrorRef& why) {
  if (pool_.withdraw(*this)) decide(why);
}

}  // namespace tractor::core
