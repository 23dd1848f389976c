package chat

import (
	"context"
	"time"
)

// SetPace makes the sweeps faster.
func (s *Service) SetPace(d time.Duration) { s.pace = d }

// Empty sends what waits for a conversation's customer now.
func (s *Service) Empty(ctx context.Context, c ID) error {
	_, err := s.empty(ctx, c)
	return err
}
