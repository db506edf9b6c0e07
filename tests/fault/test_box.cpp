// Errors to and from the wire: the worked examples of the protocol, and what they leave open.
#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/buffer.hpp"
#include "fault/box.hpp"
#include "fault/types.hpp"
#include "wire/value.hpp"

extern "C" {
#include <cmocka.h>  // last: it defines `fail`
}

using namespace tractor::core;

namespace {

const ActorId kD1{"d1", "d1-uuid", 11}, kD2{"d2", "d2-uuid", 12}, kTop{"top", "top-uuid", 13},
    kRoot{"root", "root-uuid", 14};

ErrorRef raised(Status code, const char* type, const char* message) {
  Error::Fields f;
  f.code = code;
  f.type = type;
  f.message = message;
  return Error::make(std::move(f));
}

/// What the next actor gets of `e` when `self` sends it.
ErrorRef hop(const ErrorRef& e, const ActorId& self) { return unbox(BoxedError(*e, self, "cid").message(), self); }

std::string path(const Error& e) {
  std::string s;
  for (const ActorId& id : e.fields().relay_path) s += (s.empty() ? "" : ",") + id.name;
  return s;
}

void check(const ErrorRef& e, const char* source_type, const char* source, const char* boxed, const char* relay_path) {
  assert_string_equal(e->source_type().c_str(), source_type);
  assert_string_equal(e->fields().source.name.c_str(), source);
  assert_string_equal(e->type().c_str(), boxed);
  assert_string_equal(path(*e).c_str(), relay_path);
}

void builtin_error_over_three_hops(void**) {
  ErrorRef one = hop(raised(Status::user, "ValueError", "bad x"), kD1);
  check(one, "ValueError", "d1", "ValueError", "d1");
  assert_int_equal(one->code(), Status::remote);
  assert_string_equal(one->message().c_str(), "ValueError: bad x");
  ErrorRef two = hop(one, kD2);
  check(two, "ValueError", "d1", "RemoteActorError", "d1,d2");
  assert_string_equal(two->message().c_str(), "ValueError: bad x");
  ErrorRef three = hop(two, kTop);
  check(three, "RemoteActorError", "top", "RemoteActorError", "d1,d2,top");
  assert_string_equal(three->message().c_str(), "ValueError: bad x");
  assert_true(three->fields().traceback.find("\nValueError: bad x\n") != std::string::npos);
}

// ERR-09
void unregistered_error_over_two_hops(void**) {
  ErrorRef one = hop(raised(Status::user, "Custom", "what it says"), kD1);
  check(one, "Custom", "d1", "Custom", "d1");
  assert_false(known_error_type(one->type()));
  assert_true(one->fields().traceback.find("Custom: what it says") != std::string::npos);
  ErrorRef two = hop(one, kD2);
  check(two, "RemoteActorError", "d2", "RemoteActorError", "d1,d2");
  assert_string_equal(two->message().c_str(), "Custom: what it says");
}

// ERR-07, ERR-08
void registered_error_keeps_its_source_for_two_hops(void**) {
  assert_true(register_error_type("OurOwn"));
  ErrorRef two = hop(hop(raised(Status::user, "OurOwn", "text"), kD1), kD2);
  check(two, "OurOwn", "d1", "RemoteActorError", "d1,d2");
}

void cancellation_over_three_hops(void**) {
  Error::Fields f;
  f.code = Status::ctx_canceled;
  f.message = "asked to";
  f.canceller = kD1;
  ErrorRef one = hop(Error::make(std::move(f)), kD1);
  check(one, "ContextCancelled", "d1", "ContextCancelled", "d1");
  assert_int_equal(one->code(), Status::ctx_canceled);
  assert_int_equal(one->kind(), TRACTOR_KIND_CANCELED);
  assert_string_equal(one->message().c_str(), "asked to");
  ErrorRef two = hop(one, kD2);
  check(two, "ContextCancelled", "d2", "ContextCancelled", "d1,d2");
  assert_string_equal(two->canceller_id()->name, "d1");
  ErrorRef three = hop(two, kTop);
  check(three, "ContextCancelled", "top", "ContextCancelled", "d1,d2,top");
  assert_string_equal(three->canceller_id()->uuid, "d1-uuid");
}

void cancellation_always_names_somebody(void**) {
  ErrorRef plain = Error::of(Status::canceled, "stopped");
  BoxedError boxed(*plain, kD1, "c");
  assert_string_equal(std::string(boxed.message().boxed_type).c_str(), "ContextCancelled");
  assert_true(boxed.message().canceller.has_value());
  assert_string_equal(std::string(boxed.message().canceller->name).c_str(), "d1");

  wire::ErrorMsg bare;
  bare.src_uid = {"d1", "d1-uuid"};
  bare.src_type = bare.boxed_type = "ContextCancelled";
  ErrorRef e = unbox(bare, kD1);
  assert_string_equal(e->canceller_id()->name, "d1");
  assert_int_equal(e->canceller_id()->pid, 11);
}

// The root's overrun, relayed by the child: as recorded with the original.
void overrun_comes_back_as_a_remote_error(void**) {
  Error::Fields f;
  f.code = Status::overrun;
  f.message = "too fast";
  f.sender = kD1;
  ErrorRef at_sender = hop(Error::make(std::move(f)), kRoot);
  check(at_sender, "StreamOverrun", "root", "StreamOverrun", "root");
  assert_int_equal(at_sender->code(), Status::overrun);
  assert_string_equal(at_sender->sender_id()->name, "d1");
  ErrorRef back = hop(at_sender, kD1);
  check(back, "StreamOverrun", "root", "RemoteActorError", "root,d1");
  assert_int_equal(back->code(), Status::remote);
  assert_string_equal(back->sender_id()->name, "d1");
}

void codes_follow_the_boxed_type(void**) {
  assert_int_equal(status_of("ContextCancelled"), TRACTOR_ECTXCANCELED);
  assert_int_equal(status_of("MsgTypeError"), TRACTOR_EMSGTYPE);
  assert_int_equal(status_of("StreamOverrun"), TRACTOR_EOVERRUN);
  assert_int_equal(status_of("ModuleNotExposed"), TRACTOR_ENOENDPOINT);
  assert_int_equal(status_of("TransportClosed"), TRACTOR_EREMOTE);
  assert_int_equal(status_of("ValueError"), TRACTOR_EREMOTE);
  assert_int_equal(status_of("KeyboardInterrupt"), TRACTOR_EREMOTE);
  assert_int_equal(status_of(""), TRACTOR_EREMOTE);
}

void what_is_not_set_is_sent_as_nil(void**) {
  BoxedError boxed(*raised(Status::user, "KeyError", "k"), kD1, "");
  const wire::ErrorMsg& m = boxed.message();
  assert_false(m.canceller.has_value());
  assert_false(m.sender.has_value());
  assert_false(m.cid.has_value());
  assert_true(m.bad_msg == kNil);
  assert_true(m.bad_msg_as_dict == kNil);
  assert_int_equal(m.relay_path.size(), 1);
  assert_true(m.tb == "Traceback (most recent call last):\n  Actor \"d1\", pid 11, EUSER\nKeyError: k\n");
  assert_true(m.message == "k");
}

void tracebacks_end_in_type_and_message(void**) {
  Error::Fields f;
  f.type = "ValueError";
  f.message = "bad";
  f.traceback = "frame 1\nframe 2";
  ErrorRef e = Error::make(std::move(f));
  assert_string_equal(traceback_text(*e, kD1).c_str(),
                      "Traceback (most recent call last):\n  frame 1\n  frame 2\nValueError: bad\n");
  Error::Fields g;
  g.type = "ValueError";
  g.message = "bad";
  g.traceback = "Traceback (most recent call last):\n  File \"x.py\"\nValueError: bad\n";
  ErrorRef whole = Error::make(g);
  assert_string_equal(traceback_text(*whole, kD1).c_str(), g.traceback.c_str());
}

void causes_and_members_are_in_the_traceback(void**) {
  ErrorRef why = raised(Status::user, "OSError", "disk full");
  ErrorRef e = Error::caused(Status::timed_out, "gave up", why);
  std::string text = traceback_text(*e, kD1);
  size_t first = text.find("\nOSError: disk full\n"), second = text.find("\nTimeoutError: gave up\n");
  assert_true(first != text.npos && second != text.npos && first < second);
  assert_true(text.find("direct cause of the following") != text.npos);

  ErrorRef group = Error::group("", {why, raised(Status::user, "KeyError", "k")});
  BoxedError boxed(*group, kD1, "c");
  assert_true(boxed.message().boxed_type == "ExceptionGroup");
  std::string tree(boxed.message().tb);
  for (const char* part :
       {"ExceptionGroup: 2 errors, first: disk full (2 sub-exceptions)", "OSError: disk full", "KeyError: k"})
    assert_true(tree.find(part) != tree.npos);
  ErrorRef there = unbox(boxed.message(), kD1);
  assert_int_equal(there->code(), Status::remote);
  assert_int_equal(there->fields().members.size(), 0);
}

/// The message that a Python peer's Error gives.
std::string told(const char* type, const char* message, const char* tb) {
  wire::ErrorMsg m;
  m.src_uid = {"py", "py-uuid"};
  m.src_type = m.boxed_type = type;
  m.message = message;
  m.tb = tb;
  return unbox(m, kD1)->message();
}

void messages_of_python_peers_say_something(void**) {
  const char* tb = "Traceback (most recent call last):\n  File \"e.py\", line 7, in f\nValueError: boom\n";
  assert_string_equal(told("ValueError", "", tb).c_str(), "ValueError: boom");
  assert_string_equal(told("ValueError", "remote task raised a 'ValueError'\n", tb).c_str(), "ValueError: boom");
  assert_string_equal(told("ValueError", "", "").c_str(), "remote task raised a 'ValueError'");
  assert_string_equal(told("ValueError", "own words", tb).c_str(), "ValueError: own words");
  assert_string_equal(told("KeyboardInterrupt", "", "Traceback\n  x\nKeyboardInterrupt\n").c_str(),
                      "KeyboardInterrupt");
  assert_string_equal(told("MyErr", "", "Traceback\napp.errors.MyErr: hm\nsecond line\n |_ box\n").c_str(),
                      "MyErr: hm");
  assert_string_equal(told("MyErr", "", "nothing like it\n\n").c_str(), "MyErr: nothing like it");
  assert_string_equal(told("ContextCancelled", "a\n  b\n", tb).c_str(), "a b");
  assert_string_equal(told("ModuleNotExposed", "", "T:\ntractor._exceptions.ModuleNotExposed: m\n").c_str(),
                      "ModuleNotExposed: m");
  assert_string_equal(
      told("ExceptionGroup", "", "  | ExceptionGroup: two (2 sub-exceptions)\n  +-+--- 1 ---\n").c_str(),
      "ExceptionGroup: two (2 sub-exceptions)");
}

void no_path_and_no_type_are_survived(void**) {
  wire::ErrorMsg m;
  ErrorRef e = unbox(m, kD1);
  assert_string_equal(e->type().c_str(), kUnknownType);
  assert_null(e->source_id());
  assert_null(e->relay_id(0));
  check(hop(e, kD2), "RemoteActorError", "d2", "RemoteActorError", "d2");
}

void wire_text_is_utf8(void**) {
  ErrorRef e = raised(Status::user, "Bad\xff", "caf\xc3\xa9 \xff\xfe");
  BoxedError boxed(*e, kD1, "c");
  assert_true(boxed.message().message == "caf\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd");
  assert_true(boxed.message().boxed_type == "Bad\xef\xbf\xbd");
}

// ERR-06
void remote_error_without_a_message_has_an_unknown_type(void**) {
  ErrorRef e = Error::of(Status::remote, "built here");
  assert_string_equal(e->type().c_str(), "<unknown>");
  BoxedError boxed(*e, kD1, "c");
  assert_true(boxed.message().boxed_type == "RemoteActorError");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(builtin_error_over_three_hops),
      cmocka_unit_test(unregistered_error_over_two_hops),
      cmocka_unit_test(registered_error_keeps_its_source_for_two_hops),
      cmocka_unit_test(cancellation_over_three_hops),
      cmocka_unit_test(cancellation_always_names_somebody),
      cmocka_unit_test(overrun_comes_back_as_a_remote_error),
      cmocka_unit_test(codes_follow_the_boxed_type),
      cmocka_unit_test(what_is_not_set_is_sent_as_nil),
      cmocka_unit_test(tracebacks_end_in_type_and_message),
      cmocka_unit_test(causes_and_members_are_in_the_traceback),
      cmocka_unit_test(messages_of_python_peers_say_something),
      cmocka_unit_test(no_path_and_no_type_are_survived),
      cmocka_unit_test(wire_text_is_utf8),
      cmocka_unit_test(remote_error_without_a_message_has_an_unknown_type),
  };
  return cmocka_run_group_tests_name("box", tests, nullptr, nullptr);
}
