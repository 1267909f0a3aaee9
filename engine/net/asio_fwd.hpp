// The few names of Asio that headers need. Including Asio costs seconds in each file.
#pragma once

namespace boost::asio {
class any_io_executor;
class io_context;
template <typename T, typename Executor>
class awaitable;
}  // namespace boost::asio

namespace btfs::net {

/// The return type of coroutines.
template <class T>
using Awaitable = boost::asio::awaitable<T, boost::asio::any_io_executor>;

}  // namespace btfs::net
