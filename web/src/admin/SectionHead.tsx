import type { ReactNode } from 'react';

/** SectionHead is what a section of the administration begins with; its children are what can be done there. */
export function SectionHead({ title, about, children }: { title: string; about: string; children?: ReactNode }) {
  return (
    <div className="admin-head">
      <div>
        <h2>{title}</h2>
        <p className="muted">{about}</p>
      </div>
      {children}
    </div>
  );
}
