// What goes out: templates write what encode() writes, nothing given has a default, and no text breaks a frame.
#include "kit.hpp"
#include "wire/value.hpp"

using namespace tractor::core;
using namespace tractor::core::wire;

namespace {

constexpr const char* kCid = "33333333-3333-4333-8333-333333333333";

void templates_write_the_same(void**) {
  const std::string names[] = {"", "add", std::string(31, 'x'), std::string(32, 'x'), std::string(300, 'x'), "größe"};
  for (const std::string& name : names) {
    StartTemplate prepared(name, name, {name, "u"});
    assert_true(prepared.matches(name, name));
    assert_false(prepared.matches(name, "other"));
    for (Bytes kwargs : {Bytes(), kEmptyMap, Bytes("\x81\xa1n\x07")}) {
      OutBuffer out;
      out.append("before", 6);
      prepared.append(out, kCid, kwargs);
      assert_true(std::string(out.view()) == "before" + frame_of(Start{kCid, name, name, kwargs, {name, "u"}}));
    }
  }
}

void short_frames_write_the_same(void**) {
  for (std::string_view cid : {std::string_view(kCid), std::string_view("not a uuid"), std::string_view()}) {
    for (FuncType type : {FuncType::asyncfunc, FuncType::asyncgen, FuncType::context}) {
      OutBuffer out;
      append_start_ack(out, cid, type);
      assert_true(out.view() == frame_of(StartAck{cid, type}));
    }
    for (Bytes pld : {Bytes(), kNil, Bytes("\xa2ok")}) {
      OutBuffer out;
      append_return(out, cid, pld);
      assert_true(out.view() == frame_of(Return{cid, pld}));
    }
  }
}

void nothing_given_has_a_default(void**) {
  assert_true(frame_of(Yield{"c", {}}) == frame_of(Yield{"c", kNil}));
  assert_true(frame_of(Start{"c", "m", "f", {}, {"n", "u"}}) == frame_of(Start{"c", "m", "f", kEmptyMap, {"n", "u"}}));
  ErrorMsg plain, explicitly;
  explicitly.bad_msg = explicitly.bad_msg_as_dict = kNil;
  assert_true(frame_of(plain) == frame_of(explicitly));
}

void extension_of_aid_is_only_written_if_given(void**) {
  Aid aid{"n", "u", {}, {}, false, {}};
  assert_int_equal(frame_of(aid)[kPrefix], '\x86');
  aid.ext =
      "\x81\xa7"
      "credits\x40";
  std::string frame = frame_of(aid);
  assert_int_equal(frame[kPrefix], '\x87');
  auto decoded = decode_frame(frame);
  assert_true(std::get_if<Aid>(std::get_if<Message>(&decoded))->ext == aid.ext);
}

/// A child's last words may be any bytes; the Error that quotes them has to arrive.
void text_that_is_not_utf8_is_repaired(void**) {
  ErrorMsg e;
  e.message = "caf\xe9";
  e.tb = "\xff\xfe";
  std::string frame = frame_of(e);
  auto decoded = decode_frame(frame);
  auto* message = std::get_if<ErrorMsg>(std::get_if<Message>(&decoded));
  assert_non_null(message);
  assert_true(*message->message == "caf\xef\xbf\xbd");
  assert_true(message->tb == "\xef\xbf\xbd\xef\xbf\xbd");
}

void names(void**) {
  assert_string_equal(message_name(ErrorMsg{}), "Error");
  assert_string_equal(message_name(Stop{}), "Stop");
  assert_string_equal(message_name(Return{}), "Return");
  assert_string_equal(functype_name(FuncType::asyncgen), "asyncgen");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(templates_write_the_same),          cmocka_unit_test(short_frames_write_the_same),
      cmocka_unit_test(nothing_given_has_a_default),       cmocka_unit_test(extension_of_aid_is_only_written_if_given),
      cmocka_unit_test(text_that_is_not_utf8_is_repaired), cmocka_unit_test(names),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
