#pragma once
// Byte-pair merging: neighbours become one token, the best pair first and the leftmost of equals, until no pair has a
// joint token. A linked list of tokens and a queue of possible merges do what repeated search does, in n log n.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace palimpsest {

/// `Key` orders merges, lowest first. Keeps its memory from one use to the next.
template <class Key>
class PairMerger {
  public:
    using Token = std::uint32_t;
    struct Joint {
        Key key;
        Token token;
    };

    /// Merges `tokens` in place; `find(left, right)` gives std::optional<Joint>.
    template <class Find>
    void merge(std::vector<Token>& tokens, const Find& find) {
        if (tokens.size() < 2) {
            return;
        }
        nodes_.clear();
        merges_.clear();
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            nodes_.push_back({tokens[i], i == 0 ? kNone : i - 1, i + 1 == tokens.size() ? kNone : i + 1, true});
        }
        for (std::size_t i = 1; i < nodes_.size(); ++i) {
            if (const auto offered = offer(i - 1, i, find)) {
                merges_.push_back(*offered);
            }
        }
        std::make_heap(merges_.begin(), merges_.end());
        while (!merges_.empty()) {
            std::pop_heap(merges_.begin(), merges_.end());
            const Merge best = merges_.back();
            merges_.pop_back();
            Node& left = nodes_[best.left];
            Node& right = nodes_[best.right];
            // Either side may have been merged since.
            if (!left.alive || !right.alive || left.next != best.right || left.token != best.left_token ||
                right.token != best.right_token) {
                continue;
            }
            left.token = best.joint;
            left.next = right.next;
            right.alive = false;
            if (right.next != kNone) {
                nodes_[right.next].previous = best.left;
            }
            push(left.previous, best.left, find);
            push(best.left, left.next, find);
        }
        tokens.clear();
        for (std::size_t i = 0; i != kNone; i = nodes_[i].next) {
            tokens.push_back(nodes_[i].token);
        }
    }

  private:
    static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
    struct Node {
        Token token;
        std::size_t previous, next;
        bool alive;
    };
    struct Merge {
        Key key;
        std::size_t left, right;
        Token left_token, right_token, joint;
        bool operator<(const Merge& other) const {  // the top of the heap is what comes first
            return key != other.key ? other.key < key : left > other.left;
        }
    };

    template <class Find>
    std::optional<Merge> offer(std::size_t left, std::size_t right, const Find& find) const {
        const std::optional<Joint> joint = find(nodes_[left].token, nodes_[right].token);
        if (!joint) {
            return std::nullopt;
        }
        return Merge{joint->key, left, right, nodes_[left].token, nodes_[right].token, joint->token};
    }
    template <class Find>
    void push(std::size_t left, std::size_t right, const Find& find) {
        if (left == kNone || right == kNone) {
            return;
        }
        if (const auto offered = offer(left, right, find)) {
            merges_.push_back(*offered);
            std::push_heap(merges_.begin(), merges_.end());
        }
    }

    std::vector<Node> nodes_;
    std::vector<Merge> merges_;
};

}  // namespace palimpsest
