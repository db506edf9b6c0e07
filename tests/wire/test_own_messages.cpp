// What we add to the protocol: a message of our own and a flag, both read in any layout and strict about their types.
#include "kit.hpp"
#include "wire/canonical.hpp"
#include "wire/value.hpp"

using namespace tractor::core;
using namespace tractor::core::wire;

namespace {

constexpr const char* kCid = "33333333-3333-4333-8333-333333333333";

template <class T>
const T* read(const std::variant<Message, DecodeError>& decoded) {
  auto* message = std::get_if<Message>(&decoded);
  return message ? std::get_if<T>(message) : nullptr;
}

void credit_goes_and_comes(void**) {
  for (uint64_t bytes : {uint64_t{0}, uint64_t{1}, uint64_t{524288}, UINT64_MAX}) {
    std::string frame = frame_of(Credit{kCid, bytes});
    auto decoded = decode_frame(frame);
    const Credit* credit = read<Credit>(decoded);
    assert_non_null(credit);
    assert_true(credit->cid == kCid && credit->bytes == bytes);
  }
}

void a_wrong_credit_is_told_by_its_field(void**) {
  for (Bytes wrong : {Bytes("\xff", 1), Bytes("\xa1x", 2), Bytes("\xcb\0\0\0\0\0\0\0\0", 9)}) {
    std::string body =
        "\x83\xa8msg_type\xa6"
        "Credit\xa3"
        "cid\xa1"
        "c\xa5"
        "bytes" +
        std::string(wrong);
    auto decoded = decode(body);
    auto* bad = std::get_if<DecodeError>(&decoded);
    assert_non_null(bad);
    assert_int_equal(bad->kind, DecodeError::bad_field);
    assert_true(bad->cid == "c");
    assert_non_null(std::strstr(bad->message.c_str(), "bytes"));
  }
}

void stop_has_its_flag_only_if_set(void**) {
  assert_int_equal(frame_of(Stop{kCid, false})[kPrefix], '\x82');
  std::string frames[] = {frame_of(Stop{kCid, false}), frame_of(Stop{kCid, true})};
  auto plain = decode_frame(frames[0]), failed = decode_frame(frames[1]);
  assert_false(read<Stop>(plain)->because_of_error);
  assert_true(read<Stop>(failed)->because_of_error);
}

void a_yield_is_its_head_and_its_payload(void**) {
  for (std::string_view cid : {std::string_view(kCid), std::string_view("not a uuid"), std::string_view()}) {
    std::string head = yield_head(cid);
    for (Bytes pld : {Bytes(), kNil, Bytes("\xa2ok")}) {
      OutBuffer out;
      append_yield(out, head, pld);
      assert_true(out.view() == frame_of(Yield{cid, pld}));
    }
  }
}

void sizes_are_those_of_the_frames(void**) {
  for (std::string_view cid : {std::string_view(kCid), std::string_view("short"), std::string_view()}) {
    for (Bytes pld : {kNil, Bytes("\xa2ok")}) {
      assert_int_equal(return_size(cid, pld), frame_of(Return{cid, pld}).size() - kPrefix);
      assert_int_equal(started_size(cid, pld), frame_of(Started{cid, pld}).size() - kPrefix);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(credit_goes_and_comes),         cmocka_unit_test(a_wrong_credit_is_told_by_its_field),
      cmocka_unit_test(stop_has_its_flag_only_if_set), cmocka_unit_test(a_yield_is_its_head_and_its_payload),
      cmocka_unit_test(sizes_are_those_of_the_frames),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
