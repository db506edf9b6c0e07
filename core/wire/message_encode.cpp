// Bodies as every known sender writes them: msg_type first, then every field in the protocol's order, defaults too.
#include "wire/layout.hpp"
#include "wire/message.hpp"
#include "wire/packer.hpp"
#include "wire/value.hpp"

namespace tractor::core::wire {
namespace {

/// Takes its unfinished frame back if memory runs out on the way: a torn frame would be the end of the connection.
class FrameGuard {
 public:
  explicit FrameGuard(OutBuffer& out) : out_(out), start_(out.size()) { out_.append("\0\0\0\0", kPrefix); }
  FrameGuard(const FrameGuard&) = delete;
  FrameGuard& operator=(const FrameGuard&) = delete;
  ~FrameGuard() {
    if (!done_) out_.truncate(start_);
  }
  void finish() {
    write_prefix(out_.data() + start_, static_cast<uint32_t>(out_.size() - start_ - kPrefix));
    done_ = true;
  }

 private:
  OutBuffer& out_;
  size_t start_;
  bool done_ = false;
};

class BodyWriter {
 public:
  explicit BodyWriter(OutBuffer& out) : p_(out) {}

  void operator()(const Aid& m) {
    head(m.ext.empty() ? 6 : 7, "Aid");
    text("name", m.name);
    text("uuid", m.uuid);
    key("pid");
    m.pid ? p_.integer(*m.pid) : p_.nil();
    key("is_registrar");
    m.is_registrar ? p_.boolean(*m.is_registrar) : p_.nil();
    key("is_probe");
    p_.boolean(m.is_probe);
    if (!m.ext.empty()) value("ext", m.ext, kEmptyMap);
  }
  void operator()(const SpawnSpec& m) {
    head(6, "SpawnSpec");
    value("_parent_main_data", m.parent_main_data, kEmptyMap);
    value("_runtime_vars", m.runtime_vars, kEmptyMap);
    key("enable_modules");
    p_.map(m.enable_modules.size());
    for (const auto& [module, file] : m.enable_modules) {
      p_.text(module);
      p_.text(file);
    }
    key("reg_addrs");
    addrs(m.reg_addrs);
    key("bind_addrs");
    m.bind_addrs ? addrs(*m.bind_addrs) : p_.nil();
  }
  void operator()(const Start& m) {
    head(7, "Start");
    text("cid", m.cid);
    text("ns", m.ns);
    text("func", m.func);
    value("kwargs", m.kwargs, kEmptyMap);
    key("uid");
    uid(m.uid);
    p_.raw(kStartTail);
  }
  void operator()(const StartAck& m) {
    head(3, "StartAck");
    text("cid", m.cid);
    text("functype", functype_name(m.functype));
  }
  void operator()(const Started& m) { carrier("Started", m.cid, m.pld); }
  void operator()(const Yield& m) { carrier("Yield", m.cid, m.pld); }
  void operator()(const Return& m) { carrier("Return", m.cid, m.pld); }
  void operator()(const Stop& m) {
    head(m.because_of_error ? 3 : 2, "Stop");
    text("cid", m.cid);
    if (!m.because_of_error) return;
    key("err");
    p_.boolean(true);
  }
  void operator()(const Credit& m) {
    head(3, "Credit");
    text("cid", m.cid);
    key("bytes");
    p_.integer(m.bytes);
  }
  void operator()(const CancelAck& m) {
    head(3, "CancelAck");
    text("cid", m.cid);
    key("pld");
    p_.boolean(m.pld);
  }
  void operator()(const ErrorMsg& m) {
    head(12, "Error");
    key("src_uid");
    uid(m.src_uid);
    text("src_type_str", m.src_type);
    text("boxed_type_str", m.boxed_type);
    key("relay_path");
    p_.array(m.relay_path.size());
    for (const Uid& hop : m.relay_path) uid(hop);
    nullable_text("message", m.message);
    text("tb_str", m.tb);
    nullable_uid("canceller", m.canceller);
    nullable_uid("sender", m.sender);
    nullable_text("cid", m.cid);
    value("_bad_msg", m.bad_msg, kNil);
    value("_bad_msg_as_dict", m.bad_msg_as_dict, kNil);
  }

 private:
  void key(std::string_view name) { p_.str(name); }
  void head(size_t fields, std::string_view type) {
    p_.map(fields);
    key("msg_type");
    p_.str(type);
  }
  void text(std::string_view name, std::string_view v) {
    key(name);
    p_.text(v);
  }
  void nullable_text(std::string_view name, const std::optional<std::string_view>& v) {
    key(name);
    v ? p_.text(*v) : p_.nil();
  }
  /// No bytes at all stand for "nothing was given", which is not the same value everywhere.
  void value(std::string_view name, Bytes v, Bytes if_nothing) {
    key(name);
    p_.raw(v.empty() ? if_nothing : v);
  }
  void carrier(std::string_view type, std::string_view cid, Bytes pld) {
    head(3, type);
    text("cid", cid);
    value("pld", pld, kNil);
  }
  void uid(const Uid& v) {
    p_.array(2);
    p_.text(v.name);
    p_.text(v.uuid);
  }
  void nullable_uid(std::string_view name, const std::optional<Uid>& v) {
    key(name);
    v ? uid(*v) : p_.nil();
  }
  void addrs(const std::vector<WireAddr>& list) {
    p_.array(list.size());
    for (const WireAddr& addr : list) {
      p_.array(2);
      p_.text(addr.first);
      if (auto* port = std::get_if<uint64_t>(&addr.second)) {
        p_.integer(*port);
      } else {
        p_.text(*std::get_if<std::string_view>(&addr.second));
      }
    }
  }

  Packer p_;
};

}  // namespace

void encode(const Message& message, OutBuffer& out) {
  FrameGuard frame(out);
  std::visit(BodyWriter(out), message);
  frame.finish();
}

}  // namespace tractor::core::wire
