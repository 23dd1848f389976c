package asr

import "slices"

// PoolStats is the pool's state for the system page and the metrics.
type PoolStats struct {
	Workers []WorkerStats `json:"workers"`
	// Streams are open now; the other counters only grow.
	Streams         int    `json:"streams"`
	Opened          uint64 `json:"opened"`
	Refused         uint64 `json:"refused"`
	Moved           uint64 `json:"moved"`
	Gaps            uint64 `json:"gaps"`
	DroppedFrames   uint64 `json:"dropped_frames"`
	DroppedPartials uint64 `json:"dropped_partials"`
	Restarts        uint64 `json:"restarts"`
	Recycled        uint64 `json:"recycled"`
	// LatenessP50MS and P99MS say how long live frames waited from WriteFrame until a worker had dealt with them, since start.
	LatenessP50MS float64 `json:"lateness_p50_ms"`
	LatenessP99MS float64 `json:"lateness_p99_ms"`
}

// WorkerStats is one worker.
type WorkerStats struct {
	ID      string `json:"id"`
	Address string `json:"address"`
	// State is starting, ready, full, draining or down.
	State    string `json:"state"`
	PID      int    `json:"pid"`
	RSSMB    int    `json:"rss_mb"`
	Channels int    `json:"channels"`
	Batch    int    `json:"batch_channels"`
	// Capacity is the number of live channels that fit by measured load.
	Capacity int     `json:"capacity"`
	Threads  int     `json:"threads"`
	CPUPct   float64 `json:"cpu_pct"`
	// BusyPct is the share of the decoding threads' time in use.
	BusyPct       float64      `json:"busy_pct"`
	LatenessP99MS float64      `json:"lateness_p99_ms"`
	Restarts      int          `json:"restarts" metric:",total"`
	DroppedFrames uint64       `json:"dropped_frames"`
	Failures      uint64       `json:"failures"`
	HeardFrames   uint64       `json:"heard_frames"`
	DecodedFrames uint64       `json:"decoded_frames"`
	Models        []ModelStats `json:"models"`
}

// ModelStats is one graph of one model.
type ModelStats struct {
	Language string `json:"language"`
	Name     string `json:"name"`
	Graph    string `json:"graph"`
	Loaded   bool   `json:"loaded"`
}

// Stats tells the present state.
func (p *Pool) Stats() PoolStats {
	p.mu.Lock()
	members := slices.Clone(p.members)
	st := PoolStats{Streams: len(p.streams)}
	p.mu.Unlock()
	c := &p.stats
	st.Opened, st.Refused, st.Moved, st.Gaps = c.opened.Load(), c.refused.Load(), c.moved.Load(), c.gaps.Load()
	st.DroppedFrames, st.DroppedPartials = c.droppedFrames.Load(), c.droppedPartials.Load()
	st.Restarts, st.Recycled = c.restarts.Load(), c.recycled.Load()
	p50, p99, _ := p.Lateness(false)
	st.LatenessP50MS, st.LatenessP99MS = float64(p50)/1e6, float64(p99)/1e6
	for _, m := range members {
		st.Workers = append(st.Workers, m.stats())
	}
	return st
}

func (m *member) stats() WorkerStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := WorkerStats{ID: m.id, Address: m.address, State: m.state, Restarts: m.restarts, Models: []ModelStats{}}
	h := m.health
	if h == nil {
		return w
	}
	if m.state == "ready" && m.full {
		w.State = "full"
	}
	w.PID, w.RSSMB = int(h.Pid), int(h.RssBytes>>20)
	w.Channels, w.Batch, w.Capacity, w.Threads = int(h.Channels), int(h.BatchChannels), int(h.Capacity), int(h.Threads)
	w.CPUPct, w.BusyPct, w.LatenessP99MS = float64(h.CpuPct), 100*float64(h.Busy), float64(h.LatenessP99Ms)
	w.DroppedFrames, w.Failures, w.HeardFrames, w.DecodedFrames = h.DroppedFrames, h.Failures, h.HeardFrames, h.DecodedFrames
	for _, g := range h.Models {
		w.Models = append(w.Models, ModelStats{Language: g.Language, Name: g.Name, Graph: g.Graph, Loaded: g.Loaded})
	}
	return w
}
