#include "tests/bench/peer_hnswlib.h"

#include <atomic>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include <hnswlib/hnswlib.h>

struct peer_index {
    explicit peer_index(const peer_rows &rows) : space(rows.dims) {}
    hnswlib::InnerProductSpace space;
    std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph;
    std::unique_ptr<hnswlib::BruteforceSearch<float>> flat;
};

static void add_rows(peer_index &index, const peer_rows &rows, uint32_t threads) {
    std::atomic<uint32_t> next{1};
    index.graph->addPoint(rows.rows, 0);
    auto work = [&] {
        for (uint32_t row = next++; row < rows.count; row = next++) {
            index.graph->addPoint(rows.rows + size_t{row} * rows.dims, row);
        }
    };
    std::vector<std::thread> others;
    for (uint32_t i = 1; i < threads; i++) {
        others.emplace_back(work);
    }
    work();
    for (auto &thread : others) {
        thread.join();
    }
}

extern "C" peer_index *peer_hnswlib_build(const peer_rows *rows, uint32_t m,
                                          uint32_t ef_construction, uint32_t threads) {
    try {
        auto index = std::make_unique<peer_index>(*rows);
        if (m == 0) {
            index->flat =
                std::make_unique<hnswlib::BruteforceSearch<float>>(&index->space, rows->count);
            for (uint32_t row = 0; row < rows->count; row++) {
                index->flat->addPoint(
                    const_cast<float *>(rows->rows + size_t{row} * rows->dims), row);
            }
        } else {
            index->graph = std::make_unique<hnswlib::HierarchicalNSW<float>>(
                &index->space, rows->count, m, ef_construction);
            add_rows(*index, *rows, threads);
        }
        return index.release();
    } catch (const std::exception &) {
        return nullptr;
    }
}

template <class Queue> static void drain(Queue queue, float *distances) {
    for (size_t left = queue.size(); left > 0; left--) {
        distances[left - 1] = queue.top().first;
        queue.pop();
    }
}

extern "C" bool peer_hnswlib_search(peer_index *index, const float *query, uint32_t k,
                                    uint32_t ef, float *distances) {
    try {
        if (index->flat) {
            drain(index->flat->searchKnn(query, k), distances);
        } else {
            index->graph->setEf(ef);
            drain(index->graph->searchKnn(query, k), distances);
        }
        return true;
    } catch (const std::exception &) {
        return false;
    }
}

extern "C" void peer_hnswlib_free(peer_index *index) {
    delete index;
}
