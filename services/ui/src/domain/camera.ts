/** Where a picture is looked at from: a point of the picture lies on the screen at `point * scale + (x, y)`. Pure arithmetic. */

export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export interface Extent {
  readonly width: number;
  readonly height: number;
}

export const LEAST = 0.02;
export const MOST = 2.5;

/** Scale by `factor` around a point of the screen, which stays where it is. */
export function zoomAt(camera: Camera, factor: number, x: number, y: number, least = LEAST, most = MOST): Camera {
  const scale = Math.min(most, Math.max(least, camera.scale * factor));
  const real = scale / camera.scale;
  return { scale, x: x - (x - camera.x) * real, y: y - (y - camera.y) * real };
}

export function panBy(camera: Camera, dx: number, dy: number): Camera {
  return { ...camera, x: camera.x + dx, y: camera.y + dy };
}

/** The whole picture in the middle of the view, not larger than life. */
export function whole(picture: Extent, view: Extent, pad = 24, most = 1.1): Camera {
  if (picture.width <= 0 || picture.height <= 0) return { x: pad, y: pad, scale: 1 };
  const scale = Math.max(
    LEAST,
    Math.min(most, (view.width - pad * 2) / picture.width, (view.height - pad * 2) / picture.height),
  );
  return { scale, x: (view.width - picture.width * scale) / 2, y: (view.height - picture.height * scale) / 2 };
}

/** Keep at least `keep` pixels of the picture in the view, so that nobody gets lost. */
export function hold(camera: Camera, picture: Extent, view: Extent, keep = 60): Camera {
  const clamp = (at: number, size: number, room: number) =>
    Math.min(room - keep, Math.max(keep - size * camera.scale, at));
  return { ...camera, x: clamp(camera.x, picture.width, view.width), y: clamp(camera.y, picture.height, view.height) };
}

/** Move as little as is needed for a box to be seen whole. */
export function reveal(
  camera: Camera,
  box: { readonly left: number; readonly top: number; readonly width: number; readonly height: number },
  view: Extent,
  pad = 32,
): Camera {
  const shift = (at: number, size: number, room: number) => {
    const end = at + size;
    if (size + pad * 2 > room || at < pad) return pad - at;
    return end > room - pad ? room - pad - end : 0;
  };
  return {
    ...camera,
    x: camera.x + shift(box.left * camera.scale + camera.x, box.width * camera.scale, view.width),
    y: camera.y + shift(box.top * camera.scale + camera.y, box.height * camera.scale, view.height),
  };
}
