// The error object, from both sides of the C interface.
#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <tractor/error.h>

#include "base/handles.hpp"
#include "capi/options.hpp"
#include "fault/error.hpp"
#include "fault/types.hpp"

extern "C" {
#include <cmocka.h>  // last: it defines `fail`
}

using namespace tractor::core;

namespace {

const tractor_error* c(const ErrorRef& e) { return to_c(e.get()); }

int released;
void release(void*) { ++released; }

void null_reads_as_success(void**) {
  assert_int_equal(tractor_error_code(nullptr), TRACTOR_OK);
  assert_int_equal(tractor_error_kind(nullptr), 0);
  assert_string_equal(tractor_error_name(nullptr), "OK");
  assert_string_equal(tractor_error_message(nullptr), "");
  assert_string_equal(tractor_error_boxed_type(nullptr), "");
  assert_string_equal(tractor_error_source_type(nullptr), "");
  assert_null(tractor_error_traceback(nullptr));
  assert_null(tractor_error_source(nullptr));
  assert_null(tractor_error_sender(nullptr));
  assert_null(tractor_error_canceller(nullptr));
  assert_null(tractor_error_relay(nullptr, 0));
  assert_null(tractor_error_cause(nullptr));
  assert_null(tractor_error_child(nullptr, 0));
  assert_null(tractor_error_find(nullptr, TRACTOR_EUSER));
  assert_null(tractor_error_payload(nullptr, nullptr));
  assert_int_equal(tractor_error_relay_count(nullptr) + tractor_error_child_count(nullptr), 0);
  assert_null(tractor_error_ref(nullptr));
  tractor_error_unref(nullptr);
  tractor_error_print(nullptr, stderr);
  char* text = tractor_error_format(nullptr);
  assert_string_equal(text, "OK\n");
  std::free(text);
}

void defaults_are_a_runtime_error_of_the_program(void**) {
  tractor_error* e = tractor_error_new(nullptr);
  assert_int_equal(tractor_error_code(e), TRACTOR_EUSER);
  assert_int_equal(tractor_error_kind(e), TRACTOR_KIND_USER);
  assert_string_equal(tractor_error_name(e), "EUSER");
  assert_string_equal(tractor_error_boxed_type(e), "RuntimeError");
  assert_string_equal(tractor_error_source_type(e), "RuntimeError");
  assert_string_equal(tractor_error_message(e), "raised by the program");
  assert_null(tractor_error_source(e));
  tractor_error_unref(e);
}

void options_are_taken_over(void**) {
  released = 0;
  int tag = 0, other_tag = 0, payload = 0;
  tractor_error* why = tractor_error_newf(TRACTOR_ETIMEDOUT, nullptr, "after %d s", 3);
  tractor_error_options o{};
  o.struct_size = sizeof o;
  o.code = TRACTOR_EUSER;
  o.type = "KeyError";
  o.message = "no\nsuch key\n";
  o.traceback = "line 1\nline 2\n";
  o.cause = why;
  o.payload_tag = &tag;
  o.payload = &payload;
  o.payload_release = release;
  tractor_error* e = tractor_error_new(&o);
  tractor_error_unref(why);
  assert_string_equal(tractor_error_boxed_type(e), "KeyError");
  assert_string_equal(tractor_error_message(e), "no such key");
  assert_string_equal(tractor_error_traceback(e), "line 1\nline 2\n");
  assert_string_equal(tractor_error_message(tractor_error_cause(e)), "after 3 s");
  assert_ptr_equal(tractor_error_payload(e, &tag), &payload);
  assert_null(tractor_error_payload(e, &other_tag));
  assert_ptr_equal(tractor_error_find(e, TRACTOR_ETIMEDOUT), tractor_error_cause(e));
  assert_ptr_equal(tractor_error_find(e, TRACTOR_EUSER), e);
  assert_null(tractor_error_find(e, TRACTOR_ECHILD));
  assert_ptr_equal(tractor_error_ref(e), e);
  tractor_error_unref(e);
  assert_int_equal(released, 0);
  tractor_error_unref(e);
  assert_int_equal(released, 1);
}

void check_refused(tractor_error_options& o, int code, const char* part) {
  released = 0;
  o.payload_release = release;
  tractor_error* e = tractor_error_new(&o);
  assert_int_equal(tractor_error_code(e), code);
  assert_non_null(std::strstr(tractor_error_message(e), part));
  assert_int_equal(released, 1);
  tractor_error_unref(e);
  assert_int_equal(released, 1);
}

void bad_options_give_an_error_that_names_them(void**) {
  tractor_error_options o{};
  o.struct_size = sizeof o;
  o.code = 7;
  check_refused(o, TRACTOR_EINVAL, "code is 7");
  o.code = -999;
  check_refused(o, TRACTOR_EINVAL, "code is -999");
  o.code = 0;
  o.reserved0 = 1;
  check_refused(o, TRACTOR_EINVAL, "reserved0");

  struct {
    tractor_error_options known;
    long newer[2];
  } later{};
  later.known.struct_size = sizeof later;
  tractor_error* e = tractor_error_new(&later.known);  // zero is the default in every version
  assert_int_equal(tractor_error_code(e), TRACTOR_EUSER);
  tractor_error_unref(e);
  later.newer[1] = 5;
  check_refused(later.known, TRACTOR_E2BIG, "does not know");

  released = 0;
  tractor_error_options tiny{};
  tiny.payload_release = release;
  for (size_t size : {size_t{0}, sizeof(size_t), sizeof tiny - 1, size_t{1} << 40}) {
    tiny.struct_size = size;
    e = tractor_error_new(&tiny);
    assert_int_equal(tractor_error_code(e), TRACTOR_EINVAL);
    assert_non_null(std::strstr(tractor_error_message(e), "struct_size"));
    tractor_error_unref(e);
  }
  assert_int_equal(released, 0);
  e = tractor_error_newf(12345, "X", "%s", "y");
  assert_int_equal(tractor_error_code(e), TRACTOR_EINVAL);
  tractor_error_unref(e);
}

void every_code_has_a_name_a_kind_and_a_type(void**) {
  const struct {
    int code;
    const char* name;
  } all[] = {
#define TRACTOR_X_(name, number, text) {number, #name},
      TRACTOR_STATUS_MAP(TRACTOR_X_)
#undef TRACTOR_X_
  };
  for (auto& row : all) {
    if (row.code == TRACTOR_OK) continue;
    ErrorRef e = Error::of(static_cast<Status>(row.code), "");
    assert_string_equal(e->name(), row.name);
    assert_in_range(e->kind(), TRACTOR_KIND_MISUSE, TRACTOR_KIND_USER);
    assert_true(!e->message().empty());
    assert_true(known_error_type(type_of(row.code)));
  }
  assert_int_equal(Error::of(Status::ctx_canceled, "")->kind(), TRACTOR_KIND_CANCELED);
  assert_int_equal(Error::of(Status::child, "")->kind(), TRACTOR_KIND_TRANSPORT);
  assert_int_equal(Error::of(Status::closed, "")->kind(), TRACTOR_KIND_MISUSE);
  assert_int_equal(Error::of(Status::spawn, "")->kind(), TRACTOR_KIND_RESOURCE);
}

void out_of_memory_is_never_freed(void**) {
  ErrorRef e = Error::out_of_memory();
  assert_int_equal(e->code(), Status::no_memory);
  assert_string_equal(e->message().c_str(), "out of memory");
  assert_string_equal(e->type().c_str(), "MemoryError");
  for (int i = 0; i < 5; ++i) e->unref();
  assert_ptr_equal(Error::out_of_memory().get(), e.get());
  assert_string_equal(e->message().c_str(), "out of memory");
  for (int i = 0; i < 5; ++i) e->ref();
}

void groups_of_one_are_the_one(void**) {
  ErrorRef a = Error::of(Status::user, "a"), b = Error::of(Status::child, "b");
  assert_ptr_equal(Error::group("", {a}).get(), a.get());
  ErrorRef g = Error::group("two of them", {a, b});
  assert_int_equal(tractor_error_code(c(g)), TRACTOR_EGROUP);
  assert_string_equal(tractor_error_boxed_type(c(g)), "ExceptionGroup");
  assert_int_equal(tractor_error_child_count(c(g)), 2);
  assert_ptr_equal(tractor_error_child(c(g), 1), c(b));
  assert_null(tractor_error_child(c(g), 2));
  ErrorRef outer = Error::group("", {g, Error::of(Status::eof, "e")});
  assert_int_equal(outer->fields().members.size(), 2);
  assert_ptr_equal(outer->find(Status::child), b.get());
  assert_string_equal(outer->message().c_str(), "2 errors, first: two of them");
}

void causes_lead_to_one_root(void**) {
  Error::Fields f;
  f.code = Status::ctx_canceled;
  f.canceller = {"boss", "boss-uuid", 1};
  ErrorRef root = Error::make(std::move(f));
  ErrorRef mid = Error::caused(Status::child, "child died", root);
  ErrorRef top = Error::caused(Status::runtime, "", mid);
  assert_ptr_equal(top->root(), root.get());
  assert_ptr_equal(root->root(), root.get());
  assert_string_equal(tractor_error_canceller(c(top))->name, "boss");
  assert_ptr_equal(Error::caused(Status::child, "no cause", nullptr)->root()->fields().cause.get(), nullptr);
}

void identities_belong_to_the_error(void**) {
  Error::Fields f;
  f.code = Status::remote;
  f.type = "ValueError";
  f.source = {"d1", "u1", 5};
  f.sender = {"s", "us", 0};
  f.relay_path = {{"d1", "u1", 5}, {"d2", "u2", 0}};
  ErrorRef e = Error::make(std::move(f));
  assert_string_equal(tractor_error_source(c(e))->name, "d1");
  assert_int_equal(tractor_error_source(c(e))->pid, 5);
  assert_string_equal(tractor_error_sender(c(e))->uuid, "us");
  assert_null(tractor_error_canceller(c(e)));
  assert_int_equal(tractor_error_relay_count(c(e)), 2);
  assert_string_equal(tractor_error_relay(c(e), 1)->name, "d2");
  assert_null(tractor_error_relay(c(e), 2));
}

void formatted_as_a_tree(void**) {
  Error::Fields f;
  f.code = Status::remote;
  f.type = "ValueError";
  f.message = "ValueError: boom";
  f.source = {"d1", "123456789", 5};
  f.relay_path = {f.source, {"d2", "abcdefghi", 0}};
  f.traceback = "Traceback:\nValueError: boom\x1b[2J\n";
  f.remote = true;
  ErrorRef remote = Error::make(std::move(f));
  Error::Fields k;
  k.type = "KeyError";
  k.message = "k";
  k.cause = Error::of(Status::timed_out, "slow");
  ErrorRef g = Error::group("two", {remote, Error::make(std::move(k))});
  const char* expected =
      "EGROUP: two\n"
      "    - EREMOTE: ValueError: boom\n"
      "        raised in d1[123456, pid 5], relayed by d2[abcdef]\n"
      "        Traceback:\n"
      "        ValueError: boom\\x1b[2J\n"
      "    - EUSER KeyError: k\n"
      "        because of ETIMEDOUT: slow\n";
  char* text = tractor_error_format(c(g));
  assert_string_equal(text, expected);
  std::free(text);
}

// ERR-01, ERR-02, ERR-03, ERR-04, ERR-05
void types_are_looked_up_by_name(void**) {
  assert_false(tractor_error_type_known("CustomAppError"));
  assert_int_equal(tractor_error_type_register("CustomAppError"), TRACTOR_OK);
  assert_true(tractor_error_type_known("CustomAppError"));
  assert_int_equal(tractor_error_type_register("CustomAppError"), TRACTOR_EALREADY);
  assert_int_equal(tractor_error_type_register("AnotherAppError"), TRACTOR_OK);
  assert_true(tractor_error_type_known("AnotherAppError") && tractor_error_type_known("CustomAppError"));
  for (const char* name : {"RuntimeError", "ValueError", "KeyError", "TimeoutError", "OSError", "ConnectionError",
                           "ExceptionGroup", "BaseExceptionGroup", "KeyboardInterrupt", "ZeroDivisionError"}) {
    assert_true(tractor_error_type_known(name));
    assert_int_equal(tractor_error_type_register(name), TRACTOR_EALREADY);
  }
  for (const char* name : {"ContextCancelled", "RemoteActorError", "MsgTypeError", "StreamOverrun", "ModuleNotExposed",
                           "TransportClosed", "ActorTooSlowError", "EndOfChannel", "Cancelled"})
    assert_true(tractor_error_type_known(name));
  for (const char* name : {"print", "Error", "Any", "", "valueerror"}) assert_false(tractor_error_type_known(name));
  assert_false(tractor_error_type_known(nullptr));
  for (const char* bad : {"", "1x", "a b", "a.b", "\xc3\xa9"})
    assert_int_equal(tractor_error_type_register(bad), TRACTOR_EINVAL);
  assert_int_equal(tractor_error_type_register(nullptr), TRACTOR_EINVAL);
}

void reading_is_handling(void**) {
  ErrorRef e = Error::of(Status::user, "x");
  assert_false(e->handled());
  tractor_error_code(c(e));
  assert_true(e->handled());
}

void read_and_released_on_many_threads(void**) {
  released = 0;
  tractor_error_options o{};
  o.struct_size = sizeof o;
  o.message = "shared";
  o.payload_release = release;
  tractor_error* e = tractor_error_new(&o);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    tractor_error_ref(e);
    threads.emplace_back([e] {
      for (int i = 0; i < 1000; ++i) {
        tractor_error_ref(e);
        if (std::strcmp(tractor_error_message(e), "shared") != 0) std::abort();
        tractor_error_unref(e);
      }
      tractor_error_unref(e);
    });
  }
  tractor_error_unref(e);
  for (std::thread& t : threads) t.join();
  assert_int_equal(released, 1);
}

void unknown_flag_bits_are_named(void**) {
  assert_true(check_flags(3, 7, "x.flags").ok());
  auto bad = check_flags(9, 7, "x.flags");
  assert_false(bad.ok());
  assert_string_equal(bad.failure().message.c_str(), "x.flags has unknown bits: 8");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(null_reads_as_success),
      cmocka_unit_test(defaults_are_a_runtime_error_of_the_program),
      cmocka_unit_test(options_are_taken_over),
      cmocka_unit_test(bad_options_give_an_error_that_names_them),
      cmocka_unit_test(every_code_has_a_name_a_kind_and_a_type),
      cmocka_unit_test(out_of_memory_is_never_freed),
      cmocka_unit_test(groups_of_one_are_the_one),
      cmocka_unit_test(causes_lead_to_one_root),
      cmocka_unit_test(identities_belong_to_the_error),
      cmocka_unit_test(formatted_as_a_tree),
      cmocka_unit_test(types_are_looked_up_by_name),
      cmocka_unit_test(reading_is_handling),
      cmocka_unit_test(read_and_released_on_many_threads),
      cmocka_unit_test(unknown_flag_bits_are_named),
  };
  return cmocka_run_group_tests_name("error", tests, nullptr, nullptr);
}
