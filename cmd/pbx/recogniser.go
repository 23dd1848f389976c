package main

import (
	"context"

	"tingxin/asr"
	"tingxin/call"
)

// recogniser lets calls open streams of the pool.
type recogniser struct{ pool *asr.Pool }

// Open implements call.Recogniser.
func (r recogniser) Open(ctx context.Context, cfg asr.StreamConfig) (call.Stream, error) {
	s, err := r.pool.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return s, nil
}
