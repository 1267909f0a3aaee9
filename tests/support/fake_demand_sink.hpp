// Remembers what readers asked for.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "fs/demand_sink.hpp"

namespace btfs::test {

class FakeDemandSink final : public DemandSink {
  public:
    void set_demand(ReaderId reader, const ReaderDemand& demand) override {
        std::lock_guard lock(mutex_);
        if (dropped_.contains(reader)) late_ = true;
        posts_.push_back(demand);
    }
    void keep(ReaderId reader, ByteRange range) override {
        std::lock_guard lock(mutex_);
        if (dropped_.contains(reader)) late_ = true;
        kept_ = range;
    }
    void drop(ReaderId reader) override {
        std::lock_guard lock(mutex_);
        if (!dropped_.insert(reader).second) late_ = true;
    }

    std::vector<ReaderDemand> posts() const {
        std::lock_guard lock(mutex_);
        return posts_;
    }
    /// Argument of the last call of keep().
    ByteRange kept() const {
        std::lock_guard lock(mutex_);
        return kept_;
    }
    void forget() {
        std::lock_guard lock(mutex_);
        posts_.clear();
        dropped_.clear();
    }
    std::size_t drops() const {
        std::lock_guard lock(mutex_);
        return dropped_.size();
    }
    /// True if anything came after a drop.
    bool late() const {
        std::lock_guard lock(mutex_);
        return late_;
    }

  private:
    mutable std::mutex mutex_;
    std::vector<ReaderDemand> posts_;
    ByteRange kept_;
    std::set<ReaderId> dropped_;
    bool late_ = false;
};

}  // namespace btfs::test
