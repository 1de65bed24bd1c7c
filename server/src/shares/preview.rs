//! The picture that chat programs show of a link: 1200 by 630, drawn from the values of the result.

use std::io;
use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use app::shares::card::Card;
use hub::{Error, Result};

/// Pixels, as Open Graph recommends.
const WIDTH: usize = 1200;
const HEIGHT: usize = 630;
const MARGIN: f32 = 72.0;
/// Bars of the chart at most.
const BARS: usize = 48;
/// Height and foot of the chart.
const CHART: f32 = 150.0;
const FOOT: f32 = 540.0;

type Colour = [u8; 3];
const GROUND: Colour = [0xff, 0xff, 0xff];
const TEXT: Colour = [0x1a, 0x22, 0x26];
const SOFT: Colour = [0x5b, 0x68, 0x6e];
const ACCENT: Colour = [0x0b, 0x7a, 0x70];
const BAR: Colour = [0x8c, 0xc4, 0xbe];

/// The picture of a card as PNG.
pub fn png(card: &Card) -> Result<Vec<u8>> {
    let mut canvas = Canvas::new();
    let font = font()?;
    canvas.fill(0.0, 0.0, WIDTH as f32, 12.0, ACCENT);
    canvas.text(font, "OMTX-Hub", 26.0, MARGIN, 84.0, ACCENT);
    canvas.text(font, &card.title, 54.0, MARGIN, 168.0, TEXT);
    canvas.text(font, &card.what, 30.0, MARGIN, 226.0, TEXT);
    canvas.text(font, &card.how, 26.0, MARGIN, 270.0, SOFT);
    if let Some(best) = &card.best {
        let best = format!("Best {best}");
        canvas.text(font, &best, 40.0, MARGIN, 344.0, ACCENT);
    }
    canvas.chart(&card.values);
    if !card.values.is_empty() {
        canvas.text(font, &card.measured, 22.0, MARGIN, 586.0, SOFT);
    }
    canvas.encoded().map_err(Error::internal)
}

/// DejaVu Sans, which knows most scripts that are written in single signs.
fn font() -> Result<&'static FontRef<'static>> {
    static FONT: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    FONT.get_or_init(|| FontRef::try_from_slice(dejavu::sans::regular()).ok())
        .as_ref()
        .ok_or_else(|| Error::internal("the font of previews cannot be read"))
}

/// Pixels, row by row.
struct Canvas(Vec<u8>);

impl Canvas {
    fn new() -> Self {
        Self(GROUND.repeat(WIDTH * HEIGHT))
    }

    /// Covers a share of a pixel, 0 to 1.
    fn blend(&mut self, x: i32, y: i32, colour: Colour, share: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return;
        };
        if x >= WIDTH || y >= HEIGHT {
            return;
        }
        let place = (y * WIDTH + x) * 3;
        let share = share.clamp(0.0, 1.0);
        for (old, new) in self.0[place..place + 3].iter_mut().zip(colour) {
            *old = (f32::from(*old) * (1.0 - share) + f32::from(new) * share).round() as u8;
        }
    }

    fn fill(&mut self, x: f32, y: f32, width: f32, height: f32, colour: Colour) {
        for row in y.round() as i32..(y + height).round() as i32 {
            for column in x.round() as i32..(x + width).round() as i32 {
                self.blend(column, row, colour, 1.0);
            }
        }
    }

    /// One line of text on a base line, cut with an ellipsis where it would leave the picture.
    fn text(&mut self, font: &FontRef<'_>, text: &str, size: f32, x: f32, y: f32, colour: Colour) {
        let scaled = font.as_scaled(PxScale::from(size));
        let room = WIDTH as f32 - x - MARGIN;
        let wide = |text: &str| -> f32 {
            text.chars()
                .map(|letter| scaled.h_advance(font.glyph_id(letter)))
                .sum()
        };
        let mut line: String = text
            .chars()
            .filter(|letter| !letter.is_control())
            .take(200)
            .collect();
        if wide(&line) > room {
            while !line.is_empty() && wide(&line) + wide("…") > room {
                line.pop();
            }
            line.push('…');
        }
        let mut pen = x;
        for letter in line.chars() {
            let id = font.glyph_id(letter);
            let glyph = id.with_scale_and_position(PxScale::from(size), point(pen, y));
            pen += scaled.h_advance(id);
            let Some(outline) = font.outline_glyph(glyph) else {
                continue;
            };
            let corner = outline.px_bounds().min;
            outline.draw(|column, row, share| {
                let (left, top) = (corner.x as i32, corner.y as i32);
                self.blend(left + column as i32, top + row as i32, colour, share);
            });
        }
    }

    /// A bar for each value, the best first and in the accent; of many values as many as there is room for, evenly chosen.
    fn chart(&mut self, values: &[f64]) {
        let count = values.len().min(BARS);
        let most = values
            .iter()
            .fold(0.0f64, |most, value| most.max(value.abs()));
        if count == 0 || most == 0.0 {
            return;
        }
        let step = (WIDTH as f32 - 2.0 * MARGIN) / count.max(12) as f32;
        for bar in 0..count {
            let value = values[bar * values.len() / count];
            let height = (value.abs() / most) as f32 * CHART;
            let x = MARGIN + bar as f32 * step;
            let colour = if bar == 0 { ACCENT } else { BAR };
            self.fill(x, FOOT - height, step * 0.72, height, colour);
        }
        self.fill(MARGIN, FOOT, WIDTH as f32 - 2.0 * MARGIN, 2.0, SOFT);
    }

    fn encoded(&self) -> io::Result<Vec<u8>> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, WIDTH as u32, HEIGHT as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.0)?;
        writer.finish()?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(title: &str, values: Vec<f64>) -> Card {
        Card {
            title: title.to_owned(),
            what: "Docking of 20 ligands against ABL1".to_owned(),
            how: "AutoDock Vina, exhaustiveness 8".to_owned(),
            best: Some("−10.8\u{202f}kcal/mol".to_owned()),
            measured: "Docking score (kcal/mol), lower is better".to_owned(),
            values,
        }
    }

    #[test]
    fn every_card_is_a_picture_of_the_size_that_is_said() {
        for card in [
            card(
                "Kinase screen",
                (0..300).map(|n| -10.8 + f64::from(n) / 40.0).collect(),
            ),
            card(&"Wide title ".repeat(60), vec![-7.0]),
            card("激酶 \u{0}\n🧬", vec![0.0, 0.0]),
            Card::locked(),
        ] {
            let file = png(&card).unwrap();
            let mut reader = png::Decoder::new(io::Cursor::new(&file))
                .read_info()
                .unwrap();
            let info = reader.info();
            assert_eq!((info.width, info.height), (1200, 630));
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut pixels).unwrap();
            assert!(pixels.iter().any(|byte| *byte != 0xff));
            assert!(file.len() < 200_000, "{}", file.len());
        }
    }
}
