#pragma once
// One function object out of several, to visit a std::variant with a lambda an alternative.

namespace palimpsest {

template <class... Ts>
struct Overloaded : Ts... {
    using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace palimpsest
