#include "runtime/posts.hpp"

#include "scope/callback.hpp"

namespace tractor::core {

void PostQueue::attach(Loop& loop) {
  std::lock_guard lock(mutex_);
  loop_ = &loop;
  loop.set_wake_handler(this);
}

void PostQueue::detach() {
  std::lock_guard lock(mutex_);
  if (loop_) loop_->set_wake_handler(nullptr);
  loop_ = nullptr;
}

Status PostQueue::add(tractor_done_fn fn, void* user) {
  std::lock_guard lock(mutex_);
  if (closed_) return Status::closed;
  posts_.push_back({fn, user});
  loop_->wake();
  return Status::ok;
}

void PostQueue::add(Item& item) {
  std::lock_guard lock(mutex_);
  items_.push_back(item);
  if (loop_) loop_->wake();
}

void PostQueue::fire() {
  std::vector<Post> posts;
  List<Item, Item> items;
  {
    std::lock_guard lock(mutex_);
    posts.swap(posts_);
    items.take(items_);
  }
  while (Item* item = items.pop_front()) item->on_posted();
  for (const Post& post : posts) {
    CallbackScope callback;
    post.fn(nullptr, post.user);
  }
}

void PostQueue::close() {
  std::vector<Post> late;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    late.swap(posts_);
    if (loop_) loop_->set_wake_handler(nullptr);
    loop_ = nullptr;
  }
  ErrorRef closed = Error::of(Status::closed, "the actor has ended");
  closed->mark_handled();
  for (const Post& post : late) {
    CallbackScope callback;
    post.fn(to_c(closed.get()), post.user);
  }
}

}  // namespace tractor::core
