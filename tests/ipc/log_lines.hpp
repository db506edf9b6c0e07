// What is logged while it lives.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"

class LogLines {
 public:
  LogLines() {
    tractor::core::log::set_level(tractor::core::log::kWarning);
    tractor::core::log::set_sink(take, this, nullptr);
  }
  ~LogLines() { tractor::core::log::set_sink(nullptr, nullptr, nullptr); }
  LogLines(const LogLines&) = delete;
  LogLines& operator=(const LogLines&) = delete;

  const std::vector<std::string>& all() const { return lines_; }
  long count(std::string_view part) const {
    return std::count_if(lines_.begin(), lines_.end(),
                         [part](const std::string& line) { return line.find(part) != line.npos; });
  }

 private:
  static void take(int, const char* line, void* self) { static_cast<LogLines*>(self)->lines_.emplace_back(line); }

  std::vector<std::string> lines_;
};
