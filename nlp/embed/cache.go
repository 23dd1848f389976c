package embed

import (
	"container/list"
	"sync"
)

// maxKey is the length in bytes above which a text is not worth keeping.
const maxKey = 1024

type key struct{ lang, text string }

// cache keeps the vectors of the sentences that were asked for last.
type cache struct {
	size int

	mu    sync.Mutex
	order *list.List // of entry, the latest in front
	items map[key]*list.Element
}

type entry struct {
	key key
	v   Vectors
}

func newCache(size int) *cache {
	return &cache{size: size, order: list.New(), items: make(map[key]*list.Element)}
}

func (c *cache) get(k key) (Vectors, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[k]
	if !ok {
		return Vectors{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(entry).v, true
}

func (c *cache) put(k key, v Vectors) {
	if c.size <= 0 || len(k.text) > maxKey {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.items[k]; ok {
		c.order.MoveToFront(e)
		return
	}
	c.items[k] = c.order.PushFront(entry{k, v})
	if c.order.Len() > c.size {
		last := c.order.Back()
		c.order.Remove(last)
		delete(c.items, last.Value.(entry).key)
	}
}
