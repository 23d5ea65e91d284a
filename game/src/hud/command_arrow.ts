/**
 * The navigation's sign: an arrow for left, right and straight on, a lane for "follow", and its words.
 *
 * All four drawings are made once; the stylesheet shows the one whose number the sign's `data-command` has.
 */

import { addElement, addSvg, setData, setLine, setText } from "./elements";
import { type CommandId, commandPlace, commandText } from "./format";

/** Strokes in a box of 64 x 64. */
const DRAWINGS: Readonly<Record<CommandId, readonly string[]>> = {
  1: ["M44 58 V34 Q44 22 32 22 H12", "M24 9 L11 22 L24 35"],
  2: ["M20 58 V34 Q20 22 32 22 H52", "M40 9 L53 22 L40 35"],
  3: ["M32 58 V10", "M19 22 L32 8 L45 22"],
  4: ["M12 58 L24 8", "M52 58 L40 8", "M32 58 V48", "M32 39 V31", "M32 23 V17"],
};
const COMMANDS = [1, 2, 3, 4] as const;

/** The sign in the middle of the HUD's upper edge. */
export class CommandArrow {
  private readonly sign: HTMLElement;
  private readonly action: HTMLElement;
  private readonly place: HTMLElement;

  constructor(parent: Element) {
    this.sign = addElement(parent, "div", { id: "hud-command", className: "hud-card" });
    const drawing = addSvg(this.sign, "svg", { viewBox: "0 0 64 64", "aria-hidden": "true", class: "hud-arrow" });
    for (const command of COMMANDS) draw(drawing, command);
    const words = addElement(this.sign, "div", { className: "hud-command-words" });
    this.action = addElement(words, "div", { className: "hud-command-action" });
    this.place = addElement(words, "div", { className: "hud-command-place" });
  }

  update(command: CommandId, distanceToTurnM: number): void {
    setData(this.sign, "command", String(command));
    setText(this.action, commandText(command));
    setLine(this.place, commandPlace(command, distanceToTurnM));
  }
}

function draw(drawing: SVGSVGElement, command: CommandId): void {
  const group = addSvg(drawing, "g", { "data-drawing": String(command) });
  for (const d of DRAWINGS[command]) addSvg(group, "path", { d });
}
