#include "tests/bench/peer_hnswlib.h"

#include <malloc.h>

#include <atomic>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include <hnswlib/hnswlib.h>

struct peer_index {
    explicit peer_index(const peer_rows &rows) : space(rows.dims) {}
    hnswlib::L2Space space;
    std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph;
    std::unique_ptr<hnswlib::BruteforceSearch<float>> flat;
    uint64_t bytes = 0;
};

// Of all arenas: what is in use in them, and what has mappings of its own.
static uint64_t heap_bytes() {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

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

extern "C" bool peer_hnswlib_is_there(void) {
    return true;
}

extern "C" peer_index *peer_hnswlib_build(const peer_rows *rows, uint32_t m,
                                          uint32_t ef_construction, uint32_t threads) {
    try {
        uint64_t before = heap_bytes();
        auto index = std::make_unique<peer_index>(*rows);
        if (m == 0) {
            index->flat =
                std::make_unique<hnswlib::BruteforceSearch<float>>(&index->space, rows->count);
            for (uint32_t row = 0; row < rows->count; row++) {
                index->flat->addPoint(rows->rows + size_t{row} * rows->dims, row);
            }
        } else {
            index->graph = std::make_unique<hnswlib::HierarchicalNSW<float>>(
                &index->space, rows->count, m, ef_construction);
            add_rows(*index, *rows, threads);
        }
        index->bytes = heap_bytes() - before;
        return index.release();
    } catch (const std::exception &) {
        return nullptr;
    }
}

extern "C" void peer_hnswlib_free(peer_index *index) {
    delete index;
}

template <class Queue> static void drain(Queue queue, uint32_t k, uint32_t *rows) {
    for (uint32_t i = static_cast<uint32_t>(queue.size()); i < k; i++) {
        rows[i] = UINT32_MAX;
    }
    for (size_t left = queue.size(); left > 0; left--) {
        rows[left - 1] = static_cast<uint32_t>(queue.top().second);
        queue.pop();
    }
}

extern "C" bool peer_hnswlib_search(peer_index *index, const float *query, uint32_t k,
                                    uint32_t ef, uint32_t *rows) {
    try {
        if (index->flat) {
            drain(index->flat->searchKnn(query, k), k, rows);
        } else {
            index->graph->setEf(ef);
            drain(index->graph->searchKnn(query, k), k, rows);
        }
        return true;
    } catch (const std::exception &) {
        return false;
    }
}

extern "C" uint64_t peer_hnswlib_bytes(const peer_index *index) {
    return index->bytes;
}
