// What hangs on buttons: menus, hints and bubbles of Ant Design, fetched when the page stands. Until then a
// button is there without its menu; one that was pressed opens as soon as the menu is there.
import type { DropdownProps, PopoverProps, TooltipProps } from 'antd';
import { cloneElement, Suspense, useState, type ReactElement, type ReactNode } from 'react';
import { later } from './later';

const DropdownNow = later(() => import('antd/es/dropdown/dropdown'));
const PopoverNow = later(() => import('antd/es/popover'));
const TooltipNow = later(() => import('antd/es/tooltip'));

type Pressed = ReactElement<{ onClick?: (event: unknown) => void }>;

function useOpen<More extends unknown[]>(props: { open?: boolean; onOpenChange?: (open: boolean, ...more: More) => void; children?: ReactNode }, ...unasked: More) {
  const [own, setOwn] = useState(false);
  const child = props.children as Pressed;
  const change = (open: boolean, ...more: More) => {
    setOwn(open);
    props.onOpenChange?.(open, ...more);
  };
  const fallback = cloneElement(child, {
    onClick: (event) => {
      child.props.onClick?.(event);
      change(!(props.open ?? own), ...unasked);
    },
  });
  return { open: props.open ?? own, change, fallback };
}

/** Dropdown is a menu that its button opens by a click. */
export function Dropdown(props: DropdownProps) {
  const { open, change, fallback } = useOpen<[info: { source: 'trigger' | 'menu' }]>(props, { source: 'trigger' });
  return (
    <Suspense fallback={fallback}>
      <DropdownNow {...props} open={open} onOpenChange={change} />
    </Suspense>
  );
}

/** Popover is a bubble that its button opens by a click. */
export function Popover({ children, ...props }: PopoverProps) {
  const { open, change, fallback } = useOpen({ open: props.open, onOpenChange: (now: boolean) => props.onOpenChange?.(now), children });
  return (
    <Suspense fallback={fallback}>
      <PopoverNow {...props} open={open} onOpenChange={(now) => change(now)}>
        {children}
      </PopoverNow>
    </Suspense>
  );
}

/** Tooltip is a hint for what is pointed at. */
export function Tooltip(props: TooltipProps) {
  return (
    <Suspense fallback={props.children}>
      <TooltipNow {...props} />
    </Suspense>
  );
}
