package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"

	"tingxin/team"
)

// redisPrefix begins all keys and channels in Redis.
const redisPrefix = "tingxin"

// redisWait bounds one question to Redis.
const redisWait = 2 * time.Second

// shareFeed lets the servers of a cluster publish to each other's browsers, by
// Redis: channels, their history and the end of sessions. While Redis is away events
// are lost and counted; browsers load anew when it is back.
func (f *feed) shareFeed(address string) error {
	shard, err := centrifuge.NewRedisShard(f.node, centrifuge.RedisShardConfig{Address: address, ConnectTimeout: redisWait, IOTimeout: redisWait, ClientName: "tingxin"})
	if err != nil {
		return fmt.Errorf("api.redis: %s: %w", withoutSecret(address), err)
	}
	broker, err := centrifuge.NewRedisBroker(f.node, centrifuge.RedisBrokerConfig{Prefix: redisPrefix, Shards: []*centrifuge.RedisShard{shard}})
	if err != nil {
		shard.Close()
		return fmt.Errorf("api.redis: %w", err)
	}
	f.node.SetBroker(broker)
	f.shard = shard
	return nil
}

// What servers tell each other of the audiences of their clients: each publishes its events to those of all.
const (
	audienceHas = "audience"
	audienceAsk = "audiences"
)

// sharedAudience is an audience as servers tell it.
type sharedAudience struct {
	Sight  *team.Sight
	Hidden []team.Field
}

// shareAudience tells the other servers of an audience, now and then: they forget what they do not hear of.
func (f *feed) shareAudience(a *audience) {
	if f.shard != nil && f.audiences.due(a, f.s.now()) {
		f.tellAudience(a)
	}
}

func (f *feed) tellAudience(a *audience) {
	data, err := json.Marshal(sharedAudience{a.sight, a.hidden})
	if err == nil {
		err = f.node.Notify(audienceHas, data, "")
	}
	if err != nil {
		f.s.log.Warn("the other servers do not know of an audience", "error", err)
	}
}

// askAudiences has the other servers tell theirs.
func (f *feed) askAudiences() {
	if f.shard == nil {
		return
	}
	if err := f.node.Notify(audienceAsk, nil, ""); err != nil {
		f.s.log.Warn("the other servers do not tell their audiences", "error", err)
	}
}

// notified takes what another server tells.
func (f *feed) notified(e centrifuge.NotificationEvent) {
	if e.FromNodeID == f.node.ID() {
		return
	}
	switch e.Op {
	case audienceAsk:
		for _, a := range f.audiences.here() {
			f.tellAudience(a)
		}
	case audienceHas:
		var a sharedAudience
		if err := json.Unmarshal(e.Data, &a); err != nil {
			f.s.log.Warn("what another server tells of an audience is not understood", "error", err)
			return
		}
		f.audiences.hear(&audience{a.Sight, a.Hidden}, f.s.now())
	}
}

// withoutSecret is an address that may be shown.
func withoutSecret(address string) string {
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		if scheme, _, ok := strings.Cut(address, "://"); ok {
			return scheme + "://" + address[i+1:]
		}
		return address[i+1:]
	}
	return address
}
