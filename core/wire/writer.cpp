#include "wire/writer.hpp"

#include "wire/cursor.hpp"
#include "wire/payload.hpp"
#include "wire/value.hpp"

namespace tractor::core {

void Writer::reset() {
  out_.clear();
  pending_.clear();
  whole_ = false;
  status_ = Status::ok;
  error_.clear();
}

Status Writer::fail(const char* why) {
  error_ = std::string("writer: ") + why;
  return status_ = Status::invalid;
}

bool Writer::admit(Bytes content) {
  if (status_ != Status::ok) return false;
  const char* fault = nullptr;
  if (whole_) {
    fault = "a second value begins";
  } else if (!content.empty() && !content.data()) {
    fault = "a null pointer has a length";
  } else if (content.size() > wire::kMaxLength) {
    fault = "longer than 4 GiB";
  }
  if (fault) fail(fault);
  return !fault;
}

Status Writer::done() {
  while (!pending_.empty() && --pending_.back() == 0) pending_.pop_back();
  whole_ = pending_.empty();
  return Status::ok;
}

Status Writer::open(uint64_t values) {
  if (values == 0) return done();
  pending_.push_back(values);
  return Status::ok;
}

Status Writer::nil() {
  if (!admit()) return status_;
  packer_.nil();
  return done();
}

Status Writer::boolean(bool v) {
  if (!admit()) return status_;
  packer_.boolean(v);
  return done();
}

Status Writer::integer(int64_t v) {
  if (!admit()) return status_;
  packer_.integer(v);
  return done();
}

Status Writer::integer(uint64_t v) {
  if (!admit()) return status_;
  packer_.integer(v);
  return done();
}

Status Writer::real(double v) {
  if (!admit()) return status_;
  packer_.real(v);
  return done();
}

Status Writer::str(std::string_view v) {
  if (!admit(v)) return status_;
  if (!wire::valid_utf8(v)) return fail("a string is not UTF-8");
  packer_.str(v);
  return done();
}

Status Writer::bin(Bytes v) {
  if (!admit(v)) return status_;
  packer_.bin(v);
  return done();
}

Status Writer::ext(int8_t type, Bytes v) {
  if (!admit(v)) return status_;
  packer_.ext(type, v);
  return done();
}

Status Writer::raw(Bytes value) {
  if (!admit()) return status_;
  if (is_memory_poison(value)) return status_ = Status::no_memory;
  const char* fault = payload_fault(value);
  if (!fault && !value.empty()) fault = wire::check_one_value(value, wire::kMaxDepth - pending_.size());
  if (fault) {
    error_ = std::string(poison_text(value) ? "" : "writer: raw value ") + fault;
    return status_ = Status::invalid;
  }
  packer_.raw(value.empty() ? kNil : value);
  return done();
}

Status Writer::array(uint32_t count) {
  if (!admit()) return status_;
  if (pending_.size() == wire::kMaxDepth) return fail("nests too deeply");
  packer_.array(count);
  return open(count);
}

Status Writer::map(uint32_t count) {
  if (!admit()) return status_;
  if (pending_.size() == wire::kMaxDepth) return fail("nests too deeply");
  packer_.map(count);
  return open(2 * uint64_t{count});
}

Bytes Writer::bytes() const {
  if (status_ == Status::no_memory) return memory_poison();
  if (status_ != Status::ok) return make_poison(error_.c_str());
  if (whole_) return out_.view();
  unfinished_ = pending_.empty() ? "writer: nothing was written"
                                 : "writer: " + std::to_string(pending_.back()) +
                                       " more values have to come in the innermost container";
  return make_poison(unfinished_.c_str());
}

}  // namespace tractor::core
