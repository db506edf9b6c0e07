// Who owns the bytes of a value, and the scratch that packed ones live in.
#include <cstring>
#include <thread>

#include "kit.hpp"
#include "wire/scratch.hpp"
#include "wire/value.hpp"

using namespace tractor::core;

namespace {

bool lies_in(Bytes part, SharedBuffer& whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.capacity();
}

void small_values_are_copied(void**) {
  Ref<SharedBuffer> block = SharedBuffer::create(64 * 1024);
  std::memcpy(block->data(), "\x93\x01\x02\x03", 4);
  Value borrowed(Bytes(block->data(), 4), block.get());
  Ref<Value> kept = borrowed.keep();
  assert_false(lies_in(kept->bytes(), *block));
  assert_true(block->unique());
  block.reset();
  assert_true(kept->bytes() == "\x93\x01\x02\x03");
}

void large_values_share_their_block(void**) {
  Ref<SharedBuffer> block = SharedBuffer::create(64 * 1024);
  std::memset(block->data(), 'x', block->capacity());
  Ref<Value> kept, copied;
  {
    Value most(Bytes(block->data() + 16, 60'000), block.get());
    kept = most.keep();
    Value part(Bytes(block->data(), 5'000), block.get());  // would pin thirteen times its size
    copied = part.keep();
  }
  assert_true(lies_in(kept->bytes(), *block));
  assert_false(lies_in(copied->bytes(), *block));
  assert_false(block->unique());
  SharedBuffer* raw = block.get();
  block.reset();
  assert_true(kept->bytes()[59'999] == 'x');
  assert_true(raw->unique());
}

void values_without_a_block_are_copied(void**) {
  std::string bytes(100'000, 'x');
  Ref<Value> kept = Value(bytes, nullptr).keep();
  bytes.assign(bytes.size(), 'y');
  assert_true(kept->bytes()[0] == 'x');
}

void kept_values_are_shared(void**) {
  Ref<Value> kept = Value::copy_of("\x01");
  Ref<Value> again = kept->keep();
  assert_ptr_equal(kept.get(), again.get());
  kept.reset();
  assert_true(again->unique());
  assert_true(again->bytes() == "\x01");
}

void external_memory_is_given_back_once(void**) {
  static int released;
  released = 0;
  Ref<Value> value = Value::external(
      "\xc0", [](void* user) { ++*static_cast<int*>(user); }, &released);
  std::thread([value] {}).join();
  Ref<Value> again = value->keep();
  value.reset();
  assert_int_equal(released, 0);
  again.reset();
  assert_int_equal(released, 1);
  Value::external("\xc0", nullptr, nullptr);
}

void unref_of_a_borrowed_value_is_harmless(void**) {
  Value borrowed("\x05", nullptr);
  borrowed.unref();
  assert_true(borrowed.bytes() == "\x05");
}

void scratch_lives_until_its_scope_ends(void**) {
  ScratchScope outer;
  const char* kept = scratch_text("outer");
  for (int round = 0; round < 3; ++round) {
    ScratchScope inner;
    for (int i = 0; i < 2000; ++i) {
      auto* p = static_cast<char*>(scratch_alloc(static_cast<size_t>(i)));
      assert_int_equal(reinterpret_cast<uintptr_t>(p) % 16, 0);
      std::memset(p, i, static_cast<size_t>(i));
    }
    std::memset(scratch_alloc(3'000'000), 1, 3'000'000);
  }
  assert_string_equal(kept, "outer");
}

void scratch_is_reused(void**) {
  void* first;
  {
    ScratchScope scope;
    first = scratch_alloc(100);
  }
  for (int i = 0; i < 100; ++i) {
    ScratchScope scope;
    assert_ptr_equal(scratch_alloc(100), first);
  }
}

/// The loop drops what main() packed before it: there was no scope around that.
void scratch_can_be_emptied(void**) {
  scratch_alloc(100'000);
  scratch_alloc(10);
  scratch_release({});
  assert_null(scratch_mark().block);
  ScratchMark mark = scratch_mark();
  scratch_text("x");
  scratch_release(mark);
  assert_null(scratch_mark().block);
}

void scratch_of_a_thread_ends_with_it(void**) {
  std::thread([] {
    scratch_alloc(10);
    scratch_alloc(200'000);
    {
      ScratchScope scope;
      scratch_alloc(500'000);
    }
  }).join();  // the leak checker watches
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(small_values_are_copied),
      cmocka_unit_test(large_values_share_their_block),
      cmocka_unit_test(values_without_a_block_are_copied),
      cmocka_unit_test(kept_values_are_shared),
      cmocka_unit_test(external_memory_is_given_back_once),
      cmocka_unit_test(unref_of_a_borrowed_value_is_harmless),
      cmocka_unit_test(scratch_lives_until_its_scope_ends),
      cmocka_unit_test(scratch_is_reused),
      cmocka_unit_test(scratch_can_be_emptied),
      cmocka_unit_test(scratch_of_a_thread_ends_with_it),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
