import type { MessageInstance } from 'antd/es/message/interface';
import useAntdMessage from 'antd/es/message/useMessage';
import { useEffect } from 'react';

/** MessageHolder is where Ant Design shows messages; it gives away what shows them. */
export default function MessageHolder({ onReady }: { onReady: (say: MessageInstance) => void }) {
  const [say, holder] = useAntdMessage({ maxCount: 3 });
  useEffect(() => onReady(say), [say, onReady]);
  return holder;
}
