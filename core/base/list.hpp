// Intrusive doubly linked list: linking allocates nothing and an element can leave by itself.
#pragma once

#include <cstddef>

namespace tractor::core {

/// A class derives from `Link<Tag>` once for each list it can be in. Destroying an element takes it out.
template <class Tag>
class Link {
 public:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { unlink(); }
  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (!next_) return;
    next_->prev_ = prev_;
    prev_->next_ = next_;
    next_ = prev_ = nullptr;
  }

 private:
  template <class, class>
  friend class List;
  Link* next_ = nullptr;
  Link* prev_ = nullptr;
};

/// FIFO of `T`s by their `Link<Tag>`. It owns nothing. Walk it with `for (T* t = l.first(); t; t = l.after(*t))`; to
/// survive removals of any kind while walking, move it into a second list and pop from there.
template <class T, class Tag>
class List {
 public:
  List() { reset(); }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() { clear(); }

  bool empty() const { return head_.next_ == &head_; }
  void push_back(T& item) { insert_before(head_, item); }
  void push_front(T& item) { insert_before(*head_.next_, item); }
  T* first() { return empty() ? nullptr : of(head_.next_); }
  T* after(T& item) {
    Link<Tag>* next = static_cast<Link<Tag>&>(item).next_;
    return next == &head_ ? nullptr : of(next);
  }
  T* pop_front() {
    T* item = first();
    if (item) static_cast<Link<Tag>*>(item)->unlink();
    return item;
  }
  /// Moves all elements of `other` to the end of this list.
  void take(List& other) {
    if (other.empty()) return;
    Link<Tag>*a = other.head_.next_, *z = other.head_.prev_;
    a->prev_ = head_.prev_;
    head_.prev_->next_ = a;
    z->next_ = &head_;
    head_.prev_ = z;
    other.reset();
  }
  void clear() {
    while (pop_front()) {
    }
  }

 private:
  static T* of(Link<Tag>* link) { return static_cast<T*>(link); }
  void reset() { head_.next_ = head_.prev_ = &head_; }
  static void insert_before(Link<Tag>& where, T& item) {
    Link<Tag>& link = item;
    link.unlink();
    link.prev_ = where.prev_;
    link.next_ = &where;
    where.prev_->next_ = &link;
    where.prev_ = &link;
  }
  Link<Tag> head_;
};

}  // namespace tractor::core
